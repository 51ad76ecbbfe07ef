// Makes a typed client of the feed's $metadata by odata2ts, compiles typed.ts against it by TypeScript, strictly, and runs it.
//   node typed.mjs http://127.0.0.1:5080/odata
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const root = process.argv[2];

// Beside the packages, so that both the compiler and node find them.
const cache = join(here, '..', 'node_modules', '.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'typed-'));
try {
  const write = (name, text) => writeFileSync(join(folder, name), text);
  const options = { target: 'ES2022', module: 'CommonJS', moduleResolution: 'Node', strict: true, skipLibCheck: true, types: [], lib: ['ES2022', 'DOM'] };
  write('package.json', '{ "type": "commonjs" }');
  write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts', 'feed/*.ts'] }));
  write('metadata.xml', await (await fetch(root + '/$metadata', { headers: { accept: 'application/xml' } })).text());
  copyFileSync(join(here, 'typed.ts'), join(folder, 'typed.ts'));
  const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run(join(dirname(require.resolve('@odata2ts/odata2ts/package.json')), 'lib', 'run-cli.js'), '-s', 'metadata.xml', '-o', 'feed', '-m', 'all', '-e', 'ts', '-name', 'Feed', '-t', 'tsconfig.json');
  run(require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.json');
  process.stdout.write(run('typed.js', root));
} catch (error) {
  console.error(error.stdout ?? '', error.stderr ?? error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
