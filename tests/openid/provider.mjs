// A standards-conforming OpenID provider on loopback over HTTPS, in the place of Microsoft Entra ID.
// node provider.mjs SETTINGS.json; prints one line when it listens, ends with its standard input.
//
// settings: { port, path, key, clients, jwks, people: { login: { claims, age } } }
// `age`: seconds by which the person's sign-in at the provider lies back, unless it was just asked for the password.
import { readFileSync } from "node:fs";
import https from "node:https";
import { Provider, interactionPolicy } from "oidc-provider";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { port, path, people } = settings;
const issuer = `https://localhost:${port}${path}`;

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: settings.jwks,
  cookies: { keys: ["test"] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  conformIdTokenClaims: false, // Entra puts everything into the ID token
  claims: {
    openid: ["sub"],
    profile: ["tid", "oid", "roles", "name", "preferred_username", "groups", "_claim_names", "_claim_sources"],
  },
  interactions: { policy, url: (_, interaction) => `${path}/interaction/${interaction.uid}` },
  findAccount: (_, login) => ({ accountId: login, claims: () => ({ sub: login, ...people[login].claims }) }),
  loadExistingGrant: async (ctx) => {
    const { Grant } = ctx.oidc.provider;
    const grant = new Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});
provider.on("server_error", (_, error) => console.error(error));

const page = (uid, params) => `<!doctype html><html lang="en"><title>Provider</title><h1>Sign in</h1>
  <p id="asked">prompt=${params.prompt ?? ""}</p>
  <form method="post" action="${path}/interaction/${uid}"><label>Login <input name="login" autofocus></label>
  <button name="go" value="in">Continue</button><button name="go" value="cancel" formnovalidate>Cancel</button></form>`;

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

async function interact(request, response) {
  const { uid, params } = await provider.interactionDetails(request, response);
  if (request.method !== "POST") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(page(uid, params));
    return;
  }
  const form = await body(request);
  if (form.get("go") === "cancel") {
    await provider.interactionFinished(request, response, { error: "access_denied", error_description: "cancelled" });
    return;
  }
  const login = form.get("login");
  const age = params.prompt === "login" ? 0 : (people[login].age ?? 0);
  const ts = Math.floor(Date.now() / 1000) - age;
  await provider.interactionFinished(request, response, { login: { accountId: login, ts }, select_account: {} });
}

const serve = provider.callback();
const key = readFileSync(settings.key);
https
  .createServer({ key, cert: key }, (request, response) => {
    if (request.url.startsWith(`${path}/interaction/`)) {
      interact(request, response).catch((error) => {
        console.error(error);
        response.writeHead(500).end();
      });
      return;
    }
    // A provider that lets an old sign-in of its own pass: what we do then is under test.
    request.url = request.url.replace(/&max_age=\d+/, "");
    request.originalUrl = request.url;
    request.url = request.url.slice(path.length) || "/";
    serve(request, response);
  })
  .listen(port, "127.0.0.1", () => console.log("ready"));

process.stdin.resume().on("end", () => process.exit(0));
