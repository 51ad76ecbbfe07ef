// Starts servers that stand in for AWS on this computer, on 127.0.0.1, and says where: one line "NAME URL" each, then "ready".
//   node stand-ins.mjs dynamodb[=PORT[,FOLDER]] s3[=PORT[,FOLDER]] kinesis[=PORT] kinesis2[=PORT] …
// kinesis is kinesalite, kinesis2 is kinesis-local (kinesis-mock); both keep their streams in memory.
// Without a port a free one is taken. Without a folder DynamoDB keeps its items in memory, S3 in a new temporary folder that is removed at the end.
// S3: dots in its name separate buckets made at start: "s3.lake.results=4575". Ends with SIGTERM or SIGINT, or when its standard input is closed,
// so that what started it never leaves it behind.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const address = '127.0.0.1';
const ends = [];

const starters = {
  async dynamodb(port, folder) {
    const { default: dynalite } = await import('dynalite');
    const server = dynalite({ createTableMs: 20, deleteTableMs: 20, updateTableMs: 20, path: folder });
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
    ends.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
    return server.address().port;
  },
  async s3(port, folder, buckets) {
    const { default: S3rver } = await import('s3rver');
    const directory = folder ?? mkdtempSync(join(tmpdir(), 's3-stand-in-'));
    const server = new S3rver({ address, port, directory, silent: true, allowMismatchedSignatures: true, configureBuckets: buckets.map((name) => ({ name })) });
    const { port: bound } = await server.run();
    ends.push(async () => {
      await server.close();
      if (!folder) {
        rmSync(directory, { recursive: true, force: true });
      }
    });
    return bound;
  },
  async kinesis(port) {
    const { default: kinesalite } = await import('kinesalite');
    const server = kinesalite({ createStreamMs: 20, deleteStreamMs: 20, updateStreamMs: 20, shardLimit: 1000 });
    await new Promise((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
    ends.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }));
    return server.address().port;
  },
  async kinesis2(port) {
    // It can only listen on all addresses, so a copy beside it listens on this one, and ends with this process however that ends.
    const original = createRequire(import.meta.url).resolve('kinesis-local/main.js');
    const copy = join(dirname(original), `main-${address}.js`);
    const [first, ...rest] = readFileSync(original, 'utf8').split('\n');
    if (!rest.some((line) => line.includes('"0.0.0.0"'))) {
      throw new Error('kinesis-local listens in another way than it did; make it listen on 127.0.0.1 alone');
    }

    const draft = `${copy}.${process.pid}`;
    writeFileSync(draft, [first, "process.stdin.on('end', () => process.exit(0)).resume();", ...rest].join('\n').replaceAll('"0.0.0.0"', `"${address}"`));
    renameSync(draft, copy);
    const [plain, tls] = [port || await freePort(), await freePort()];
    const child = spawn(process.execPath, [copy], {
      cwd: dirname(original),
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { PATH: process.env.PATH, KINESIS_MOCK_PLAIN_PORT: String(plain), KINESIS_MOCK_TLS_PORT: String(tls), LOG_LEVEL: 'ERROR', SHARD_LIMIT: '1000' },
    });
    ends.push(() => child.kill('SIGKILL'));
    while (!await listens(plain)) {
      if (child.exitCode !== null) {
        throw new Error(`kinesis-local ended with ${child.exitCode}`);
      }

      await new Promise((resolve) => setTimeout(resolve, 50));
    }

    return plain;
  },
};

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, address, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => { socket.destroy(); resolve(true); }).once('error', () => resolve(false));
  });
}

async function end() {
  // A server that hangs does not keep the process.
  setTimeout(() => process.exit(0), 3000).unref();
  await Promise.allSettled(ends.splice(0).map((close) => close()));
  process.exit(0);
}

process.on('SIGTERM', end).on('SIGINT', end);
const wanted = process.argv.slice(2);
if (wanted.length === 0) {
  console.error('usage: node stand-ins.mjs dynamodb[=PORT[,FOLDER]] s3[.BUCKET…][=PORT[,FOLDER]] kinesis[=PORT] kinesis2[=PORT]');
  process.exit(2);
}

try {
  for (const argument of wanted) {
    const [, names, port, folder] = /^([^=]+)(?:=(\d+)(?:,(.+))?)?$/.exec(argument) ?? [];
    const [name, ...buckets] = (names ?? argument).split('.');
    if (!starters[name]) {
      throw new Error(`'${argument}' is none of: ${Object.keys(starters).join(', ')}`);
    }

    console.log(`${name} http://${address}:${await starters[name](Number(port ?? 0), folder, buckets)}`);
  }

  console.log('ready');
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

// Only now: a closed input ends the process.
process.stdin.on('end', end).on('error', end).resume();
