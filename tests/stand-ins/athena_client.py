"""AWS's own Python client: runs a query and prints its columns, its rows page by page, and what an unknown query's error is called, as JSON.

python3 athena_client.py ENDPOINT SQL PAGE-SIZE
"""
import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

endpoint, sql, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
athena = boto3.client("athena", endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="stand-in", aws_secret_access_key="stand-in")
query = athena.start_query_execution(QueryString=sql, ResultConfiguration={"OutputLocation": "s3://results/out/"})["QueryExecutionId"]
while True:
    execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
    if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
        break
    time.sleep(0.02)

pages, columns = [], []
if execution["Status"]["State"] == "SUCCEEDED":
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query, PaginationConfig={"PageSize": size}):
        columns = [(c["Name"], c["Type"]) for c in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        pages.append([[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]])

try:
    athena.get_query_execution(QueryExecutionId="00000000-0000-0000-0000-000000000000")
    unknown = None
except ClientError as error:
    unknown = error.response["Error"]["Code"]

print(json.dumps({
    "state": execution["Status"]["State"],
    "reason": execution["Status"].get("StateChangeReason"),
    "scanned": execution["Statistics"]["DataScannedInBytes"],
    "submitted": execution["Status"]["SubmissionDateTime"].isoformat(),
    "columns": columns,
    "pages": pages,
    "unknown": unknown,
}))
