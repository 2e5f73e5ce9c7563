// A program that knows the vendor's host alone, by fetch and by node:https.
import https from "node:https";

const API = "https://api.airudder.com/service/cloud";
const CREDENTIALS = { APPKey: "AIRudderMockKey0000001", APPSecret: "AIRudderMockSecret0001" };

async function byFetch(url, body, headers) {
  const response = await fetch(url, {
    method: body ? "POST" : "GET",
    headers: { ...headers, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  return response.json();
}

function byHttps(url, body, headers) {
  return new Promise((resolve, reject) => {
    const options = { method: body ? "POST" : "GET", headers: { ...headers, "Content-Type": "application/json" } };
    const request = https.request(url, options, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(JSON.parse(Buffer.concat(chunks)));
    });
    request.on("error", reject).end(body && JSON.stringify(body));
  });
}

for (const [name, ask] of [["fetch", byFetch], ["https", byHttps]]) {
  const { data } = await ask(`${API}/auth`, CREDENTIALS, {});
  const robots = await ask(`${API}/robot`, undefined, { Authorization: `Token ${data.token}` });
  if (robots.code !== 200) throw new Error(JSON.stringify(robots));
  console.log(name);
}
