// Runs what stdin lists, in order, with AWS's JavaScript SDK, and prints what became of each, as JSON:
// [{"service": "ecs", "call": "waitUntilServicesStable" | "paginateListServices" | "DescribeServicesCommand", "input": {…}}]
import * as ecr from "@aws-sdk/client-ecr";
import * as ecs from "@aws-sdk/client-ecs";
import * as elbv2 from "@aws-sdk/client-elastic-load-balancing-v2";
import { text } from "node:stream/consumers";

const modules = { ecr, ecs, elbv2 };
const clients = { ecr: new ecr.ECRClient(), ecs: new ecs.ECSClient(), elbv2: new elbv2.ElasticLoadBalancingV2Client() };

async function ask({ service, call, input, patience = 60 }) {
  const client = clients[service];
  const named = modules[service][call];
  if (call.startsWith("waitUntil")) {
    const settings = { client, maxWaitTime: patience, minDelay: 1, maxDelay: 1 };
    return (await named(settings, input)).state;
  }
  if (call.startsWith("paginate")) {
    const pages = [];
    for await (const page of named({ client, pageSize: 1 }, input)) {
      const { $metadata, nextToken, NextMarker, ...rest } = page;
      pages.push(Object.values(rest).find(Array.isArray));
    }
    return pages;
  }
  const { $metadata, ...answer } = await client.send(new named(input));
  return answer;
}

const answers = [];
for (const asked of JSON.parse(await text(process.stdin))) {
  try {
    answers.push({ answer: await ask(asked) });
  } catch (error) {
    answers.push({ error: error.name, message: error.message, status: error.$metadata?.httpStatusCode });
  }
}
console.log(JSON.stringify(answers));
