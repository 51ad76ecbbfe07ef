// Reads a JSON array of statements from standard input and writes, for each, what an ANTLR grammar of Trino has against it: a text, or null.
import { register } from 'node:module';

// The package's modules name each other without their files' endings.
register('data:text/javascript,' + encodeURIComponent(`
export async function resolve(specifier, context, next) {
  for (const name of [specifier, specifier + '.js']) {
    try { return await next(name, context); } catch { }
  }
  return next(specifier + '/index.js', context);
}
export async function load(url, context, next) {
  return next(url, url.includes('/dt-sql-parser/') && url.endsWith('.js') ? { ...context, format: 'module' } : context);
}`));

const { TrinoSQL } = await import('dt-sql-parser');
const parser = new TrinoSQL();
let input = '';
for await (const chunk of process.stdin) {
  input += chunk;
}

const answers = JSON.parse(input).map((statement) => {
  const errors = parser.validate(statement);
  return errors.length === 0 ? null : `line ${errors[0].startLine}:${errors[0].startColumn}: ${errors[0].message}`;
});
process.stdout.write(JSON.stringify(answers));
