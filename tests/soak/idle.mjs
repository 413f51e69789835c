// 10,000 idle clients, one transport at a time: each opens a session of its own, joins a room of its own, acknowledges, and then waits. Reports what
// the server's memory grew by for each. The load is this process, the server another one; each may hold 20,000 descriptors.
//
//   SIGWAY_BINARY=build/release/bin/sigway node idle.mjs [websocket|sse|poll ...]      SIGWAY_CLIENTS=1000
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

const clients = Number(process.env.SIGWAY_CLIENTS ?? 10000);
const transports = process.argv.length > 2 ? process.argv.slice(2) : ["websocket", "sse", "poll"];
const atOnce = 200;

async function startServer() {
  const child = spawn(process.env.SIGWAY_BINARY, ["--port", "0", "--log-level", "warn", "--max-sessions-per-address", "0", "--max-connections-per-address", "1000000", "--join-rate", "0", "--poll-hold", "120s",
    "--ping-interval", "120s"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await new Promise((resolve) => createInterface(child.stdout).once("line", (text) => resolve([text])));
  return { child, port: Number(line.match(/:(\d+)$/)[1]) };
}

function residentBytes(pid) {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
}

async function metric(port, name) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))[1]);
}

function post(path, body) {
  const text = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** A masked text frame, as a client must send it (RFC 6455, section 5.3). The mask is zero: it hides nothing here. */
function frame(body) {
  const text = Buffer.from(JSON.stringify(body));
  const head = text.length < 126 ? Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]) : Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, text]);
}

/** Reads until `text` has been seen, then goes on reading into nowhere. */
function until(socket, text) {
  return new Promise((resolve, reject) => {
    let seen = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed before ${text}: ${seen.slice(0, 200)}`)));
    const read = (chunk) => {
      seen += chunk.toString("latin1");
      if (!seen.includes(text)) return;
      socket.off("data", read);
      socket.on("data", () => {});
      socket.removeAllListeners("close");
      seen = "";
      resolve();
    };
    socket.on("data", read);
  });
}

const open = (transport, i) => ({ key: `idle-client-${transport}-${String(i).padStart(10, "0")}`, open: { room: `room-${transport}-${i}` }, carrier: "c", turn: 1 });

const become = {
  async websocket(socket, i) {
    socket.write("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    await until(socket, "\r\n\r\n");
    socket.write(frame(open("websocket", i)));
    await until(socket, '"created"');
    socket.write(frame({ ack: 1, ping: 1 }));
    await until(socket, '"pong"');
  },
  async sse(socket, i, port) {
    const request = open("sse", i);
    socket.write(post("/v1/sse", request));
    await until(socket, '"created"');
    const answer = await fetch(`http://127.0.0.1:${port}/v1/send`, { method: "POST", body: JSON.stringify({ key: request.key, ack: 1 }) });
    if ((await answer.json()).up !== 0) throw new Error("the acknowledgement was not taken");
  },
  async poll(socket, i) {
    const request = open("poll", i);
    socket.write(post("/v1/poll", { ...request, n: 1 }));
    await until(socket, '"created"');
    socket.write(post("/v1/poll", { key: request.key, carrier: "c", n: 2, ack: 1, wait: 120000 }));
  },
};

async function measure(transport) {
  const { child, port } = await startServer();
  const before = residentBytes(child.pid);
  const sockets = [];
  let next = 0;
  const worker = async () => {
    while (next < clients) {
      const i = next++;
      const socket = net.connect(port, "127.0.0.1");
      sockets.push(socket);
      await become[transport](socket, i, port);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const sessions = await metric(port, "sigway_sessions");
  const queued = await metric(port, "sigway_queued_bytes");
  const each = (residentBytes(child.pid) - before) / clients;
  console.log(`${transport.padEnd(9)} ${sessions} sessions idle, ${queued} bytes queued, ${Math.round(each)} bytes of memory each`);
  for (const socket of sockets) socket.destroy();
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (sessions !== clients) throw new Error(`${sessions} sessions instead of ${clients}`);
  if (queued !== 0) throw new Error(`${queued} bytes are queued although all was acknowledged`);
  if (code !== 0) throw new Error(`the server ended with ${code}`);
}

for (const transport of transports) await measure(transport);
console.log(`${transports.length} passed, 0 failed`);
