// How each server of plan.mjs is started: `start(core, binaries)` gives {port, child, remove}. `missing()` says what a server lacks on this
// machine, if it lacks something.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, lineOf, start, stop } from './processes.mjs';

const kPeers = fileURLToPath(new URL('peers/', import.meta.url));

// One shard, and no limit that an address with all the clients of the world would meet.
const kSigwayFlags = ['--port', '0', '--shards', '1', '--log-level', 'error', '--message-rate', '0', '--join-rate', '0',
  '--max-sessions-per-address', '0', '--stream-max-bytes', '0', '--drain-time', '0'];

async function announced(child, pattern) {
  try {
    return { child, port: Number((await lineOf(child, pattern))[1]), remove: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

// npm's servers say `listening on PORT`, see peers/.
const npm = (folder) => ({
  missing: () => (existsSync(join(kPeers, 'node_modules', folder)) ? null : `npm's ${folder} is not installed: (cd bench/peers && npm ci)`),
  start: (core) => announced(start(core, [process.execPath, join(kPeers, `${folder}.mjs`)]), /^listening on (\d+)$/),
});

const kNchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so';

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

// One process, nothing logged. A member publishes to the channel that the others of its room receive, because a channel gives a message
// back to whoever published it.
const nchanConfiguration = (port, folder) => `
load_module ${kNchanModule};
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr crit;
worker_rlimit_nofile 19000;
events { worker_connections 18000; multi_accept on; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  nchan_message_buffer_length 20;
  nchan_shared_memory_size 512m;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/ws/([^/]+)/([^/]+)$ {
      nchan_publisher websocket;
      nchan_publisher_channel_id $2;
      nchan_subscriber websocket;
      nchan_subscriber_channel_id $1;
      nchan_subscriber_first_message newest;
    }
    location ~ ^/sse/([^/]+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/poll/([^/]+)$ { nchan_subscriber longpoll; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/send/([^/]+)$ { nchan_publisher http; nchan_channel_id $1; }
  }
}
`;

const nchan = {
  missing: () => (existsSync(kNchanModule) && isInstalled('/usr/sbin/nginx') ? null : 'Nchan is not installed: apt-get install libnginx-mod-nchan'),
  async start(core) {
    const folder = mkdtempSync(join(tmpdir(), 'sigway-nchan-'));
    const port = await freePort();
    writeFileSync(join(folder, 'nginx.conf'), nchanConfiguration(port, folder));
    const child = start(core, ['/usr/sbin/nginx', '-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')]);
    const remove = async () => {
      await stop(child);
      rmSync(folder, { recursive: true, force: true });
    };
    const deadline = Date.now() + 20_000;
    while (!(await connects(port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await remove();
        throw new Error(`nginx does not listen: ${child.errors}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { child, port, remove };
  },
};

export const kStarts = {
  sigway: {
    missing: () => null,
    start: (core, { sigway }) => announced(start(core, [sigway, ...kSigwayFlags]), /^sigway listening on http:.*:(\d+)$/),
  },
  floor: { missing: () => null, start: (core, { floor }) => announced(start(core, [floor]), /^listening on (\d+)$/) },
  ws: npm('ws'),
  'socket.io': npm('socket.io'),
  sockjs: npm('sockjs'),
  peerjs: npm('peer'),
  nchan,
};
