// Starts servers that stand in for AWS on this computer, on 127.0.0.1, and says where: one line "NAME URL" each, then "ready".
//   node stand-ins.mjs dynamodb[=PORT[,FOLDER]] s3[=PORT[,FOLDER]] …
// Without a port a free one is taken. Without a folder DynamoDB keeps its items in memory, S3 in a new temporary folder that is removed at the end.
// S3: dots in its name separate buckets made at start: "s3.lake.results=4575". Ends with SIGTERM or SIGINT, or when its standard input is closed,
// so that what started it never leaves it behind.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
};

async function end() {
  // A server that hangs does not keep the process.
  setTimeout(() => process.exit(0), 3000).unref();
  await Promise.allSettled(ends.splice(0).map((close) => close()));
  process.exit(0);
}

process.on('SIGTERM', end).on('SIGINT', end);
const wanted = process.argv.slice(2);
if (wanted.length === 0) {
  console.error('usage: node stand-ins.mjs dynamodb[=PORT[,FOLDER]] s3[.BUCKET…][=PORT[,FOLDER]]');
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
