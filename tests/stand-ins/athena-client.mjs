// AWS's own client: reads a call a line, {"operation": "GetQueryExecution", "input": {…}}, and writes its answer, {"output": {…}} or {"error": {"name", "message", …}}.
// node athena-client.mjs ENDPOINT [MAX-ATTEMPTS]
import { createInterface } from 'node:readline';
import * as athena from '@aws-sdk/client-athena';

const client = new athena.AthenaClient({
  endpoint: process.argv[2],
  region: 'eu-central-1',
  credentials: { accessKeyId: 'stand-in', secretAccessKey: 'stand-in' },
  maxAttempts: Number(process.argv[3] ?? 3),
});

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, input } = JSON.parse(line);
  try {
    const { $metadata, ...output } = await client.send(new athena[operation + 'Command'](input));
    console.log(JSON.stringify({ output, attempts: $metadata.attempts }));
  } catch (error) {
    console.log(JSON.stringify({ error: { ...error, name: error.name, message: error.message, isAthena: error instanceof athena.AthenaServiceException, attempts: error.$metadata?.attempts } }));
  }
}
