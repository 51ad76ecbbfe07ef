// Packs records as the Kinesis Producer Library does, by an independent library. Its argument is JSON [[partition key, text], …]; its output: JSON { partitionKey, data } of base64.
import agg from 'aws-kinesis-agg';

const records = JSON.parse(process.argv[2]).map(([partitionKey, data]) => ({ partitionKey, data: Buffer.from(data) }));
const packed = [];
agg.aggregate(
  records,
  (record, done) => { packed.push({ partitionKey: record.partitionKey, data: Buffer.from(record.data).toString('base64') }); done(); },
  () => console.log(JSON.stringify(packed)),
  (error) => { throw error; });
