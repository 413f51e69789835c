// The credentials in `welcome.ice` open a real TURN server: coturn with the same secret. The client side of an allocation is written out here
// (RFC 8489, RFC 8656), so that it is coturn alone that judges the credential.
import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import dgram from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { startProcess } from "../conformance/support/process.mjs";
import { Server } from "../conformance/support/server.mjs";

const secret = "a-secret-of-two-servers";
const realm = "sigway.test";
let coturn, folder, port, server;
let log = "";

async function freePort() {
  const socket = dgram.createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port: free } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return free;
}

before(async () => {
  port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "sigway-turn-"));
  coturn = startProcess("turnserver", ["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1",
    "--listening-port", String(port), "--use-auth-secret", "--static-auth-secret", secret, "--realm", realm, "--pidfile", join(folder, "pid"),
    "--log-file", "stdout", "--userdb", join(folder, "db")], ["ignore", "pipe", "pipe"]);
  for (const output of [coturn.child.stdout, coturn.child.stderr]) output.on("data", (text) => { log += text; });
  server = await Server.start(["--ice-server", "stun:stun.example.org", "--turn-server", `turn:127.0.0.1:${port}?transport=udp`, "--turn-secret", secret]);
});

after(async () => {
  coturn?.child.kill();
  await coturn?.exit;
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function message(type, transaction, attributes, key) {
  let body = Buffer.concat(attributes);
  const head = (length) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16BE(type, 0);
    bytes.writeUInt16BE(length, 2);
    bytes.writeUInt32BE(0x2112a442, 4);
    return Buffer.concat([bytes, transaction]);
  };
  if (key) {
    const mac = createHmac("sha1", key).update(Buffer.concat([head(body.length + 24), body])).digest();
    body = Buffer.concat([body, attribute(0x0008, mac)]);
  }
  return Buffer.concat([head(body.length), body]);
}

function parse(bytes) {
  const attributes = new Map();
  for (let at = 20; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return { type: bytes.readUInt16BE(0), attributes };
}

/** Asks for an allocation as this user; the type of the answer: 0x0103 success, 0x0113 an error, with its code. */
async function allocate(username, credential) {
  const socket = dgram.createSocket("udp4");
  const ask = async (bytes) => {
    // UDP may lose, and coturn may still be starting.
    for (let attempt = 0; attempt < 50; ++attempt) {
      socket.send(bytes, port, "127.0.0.1");
      const answer = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(null), 200);
        socket.on("message", (received) => {
          // A late answer to an earlier question is not the answer to this one.
          if (!received.subarray(8, 20).equals(bytes.subarray(8, 20))) return;
          clearTimeout(timer);
          resolve(received);
        });
      });
      socket.removeAllListeners("message");
      if (answer) return parse(answer);
    }
    throw new Error(`coturn does not answer: ${log}`);
  };
  socket.on("error", () => {});
  try {
    const transport = attribute(0x0019, Buffer.from([17, 0, 0, 0]));
    const challenge = await ask(message(0x0003, randomBytes(12), [transport]));
    const nonce = challenge.attributes.get(0x0015);
    const key = createHash("md5").update(`${username}:${realm}:${credential}`).digest();
    const answer = await ask(message(0x0003, randomBytes(12), [transport, attribute(0x0006, Buffer.from(username)),
      attribute(0x0014, Buffer.from(realm)), attribute(0x0015, nonce)], key));
    const error = answer.attributes.get(0x0009);
    return { type: answer.type, code: error ? error[2] * 100 + error[3] : 0 };
  } finally {
    socket.close();
  }
}

async function iceServers() {
  const answer = await fetch(`${server.url}/v1/poll?room=turn`);
  return (await answer.json()).welcome.ice;
}

test("the credential in the welcome opens a relay on coturn", async () => {
  const [stun, turn] = await iceServers();
  assert.deepEqual(stun, { urls: "stun:stun.example.org" });
  assert.deepEqual(turn.urls, [`turn:127.0.0.1:${port}?transport=udp`]);
  const expires = Number(turn.username.split(":")[0]);
  assert.ok(Math.abs(expires - Date.now() / 1000 - 12 * 3600) < 60, "valid for twelve hours");
  assert.deepEqual(await allocate(turn.username, turn.credential), { type: 0x0103, code: 0 });
});

test("another credential, and one whose time is over, open nothing", async () => {
  const [, turn] = await iceServers();
  assert.deepEqual(await allocate(turn.username, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), { type: 0x0113, code: 401 });
  const past = `${Math.floor(Date.now() / 1000) - 60}:someone`;
  const credential = createHmac("sha1", secret).update(past).digest("base64");
  assert.equal((await allocate(past, credential)).type, 0x0113);
});
