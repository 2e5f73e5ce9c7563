// A signature taken apart: what was signed and with what, whether it is right, and how another one came about.

import { button, copy, fill, h, icon, plural, visible } from "./dom.js";

/** Two texts of the same kind, with what differs marked. */
function compared(sent, expected) {
  const marked = (text, other) => {
    const parts = [];
    let at = 0;
    while (at < text.length) {
      const same = text[at] === other[at];
      let end = at;
      while (end < text.length && (text[end] === other[end]) === same) end += 1;
      parts.push(same ? text.slice(at, end) : h("mark", null, text.slice(at, end)));
      at = end;
    }
    return parts;
  };
  return [marked(sent, expected), marked(expected, sent)];
}

const WORDS = { body: "the exact bytes of the body", secret: "the secret", timestamp: "the timestamp", nonce: "the message's id", path: "path and query" };

function formula(apart) {
  const block = (part) => h("span", { class: "part" },
    h("span", { class: "part-name" }, part.part),
    h("span", { class: "quiet" }, part.text !== undefined && !part.part.startsWith("'") ? visible(part.text, 40) : plural(part.bytes, "byte")));
  const keyed = apart.algorithm.startsWith("hmac");
  return h("div", { class: "formula" },
    h("span", { class: "part digest" }, h("span", { class: "part-name" }, apart.algorithm), h("span", { class: "quiet" }, apart.encoding)),
    "(",
    keyed && [h("span", { class: "part key" }, h("span", { class: "part-name" }, "key"), h("span", { class: "quiet" }, apart.secret === null ? "hidden" : visible(apart.secret, 40))), ","],
    apart.parts.map((part, at) => [at > 0 && h("span", { class: "quiet" }, "‖"), block(part)]),
    ")");
}

function hints(list) {
  return list.length > 0 && h("ul", { class: "hints" }, list.map((hint) => h("li", null, visible(hint, 400))));
}

/** The pane of a signature. `load` gives what the mock says of it, with what another side has computed. */
export function signature(load, { body = "", live = true } = {}) {
  const root = h("div", { class: "signature" }, h("p", { class: "quiet" }, "Analysing it…"));
  load({}).then((apart) => draw(root, apart, load, body, live), (error) => fill(root, h("p", { class: "quiet" }, visible(error.message, 400))));
  return root;
}

function draw(root, apart, load, body, live) {
  const [sent, expected] = compared(apart.sent ?? "", apart.expected);
  const others = h("table", { class: "others" });
  const drawOthers = (computed) => fill(others,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "If it is made"), h("th", { scope: "col" }, "it becomes"))),
    h("tbody", null, apart.others.map((other) => h("tr", { class: computed && computed === other.signature ? "hit" : "" },
      h("td", null, visible(other.made, 120)), h("td", { class: "mono" }, visible(other.signature, 120))))));
  drawOthers("");

  const verdict = h("div", { class: "verdict " + (apart.right ? "good" : "bad") }, icon(apart.right ? "check" : "close", 18),
    h("div", null,
      h("strong", null, apart.right ? "The signature is right." : apart.sent ? "The signature is wrong." : "There is no signature."),
      h("p", null, apart.right ? "Over these bytes, with this secret, everyone must compute this signature." : visible(apart.wrong?.message ?? "", 600)),
      !apart.right && apart.wrong && hints(apart.wrong.hints)));

  const result = h("div", { class: "result", role: "status" });
  const field = h("input", { type: "text", class: "field mono", placeholder: "Paste the signature that your receiver computes", "aria-label": "The signature that your receiver computes", autocomplete: "off", spellcheck: "false" });
  const explain = async (event) => {
    event.preventDefault();
    const computed = field.value.trim();
    drawOthers(computed);
    if (!computed) return void fill(result);
    try {
      const { fits, why } = await load({ computed });
      fill(result, h("div", { class: "verdict " + (fits ? "good" : "bad") }, icon(fits ? "check" : "close", 18),
        h("div", null, h("strong", null, fits ? "That is the right signature." : "Yours is different."),
          h("p", null, fits ? "Your receiver computes the right signature: check how it compares the two." : visible(why.message, 600)), why && hints(why.hints))));
    } catch (error) {
      fill(result, h("p", { class: "bad-text" }, visible(error.message, 400)));
    }
  };

  const shell = apart.algorithm === "hmac-sha256" && apart.encoding === "lower-case hex" && apart.parts.length === 1 && apart.parts[0].part === "body" && apart.secret !== null && body
    ? "printf '%s' '" + body.replaceAll("'", "'\\''") + "' | openssl dgst -sha256 -hmac '" + apart.secret.replaceAll("'", "'\\''") + "'" : null;

  fill(root,
    verdict,
    h("h3", null, "How it is made"),
    formula(apart),
    h("dl", { class: "facts" },
      h("dt", null, "Over"), h("dd", null, apart.parts.map((part) => part.part.startsWith("'") ? "the text " + visible(part.part) : WORDS[part.part] ?? part.part).join(", then ") + ", " + plural(apart.length, "byte") + " in all"),
      h("dt", null, "Secret"), h("dd", null, apart.secret === null ? ["not shown; ", h("code", null, "--show-secrets"), " shows it"] : h("code", null, visible(apart.secret, 200))),
      h("dt", null, "Header"), h("dd", null, h("code", null, visible(apart.header))),
      h("dt", null, "Scheme"), h("dd", null, visible(apart.scheme, 300), apart.provenance === "assumed" && [" ", h("span", { class: "tag" }, "the vendor's is not public")])),
    h("h3", null, "Sent and recomputed"),
    h("dl", { class: "facts digests" },
      h("dt", null, "Sent"), h("dd", { class: "mono" }, apart.sent ? sent : "none"),
      h("dt", null, "Recomputed"), h("dd", { class: "mono" }, expected)),
    shell && button("Copy as an openssl command", () => copy(shell, "Command"), { kind: "small" }),
    live && [
      h("h3", null, "Does your receiver compute another one?"),
      h("form", { class: "line", onsubmit: explain }, field, h("button", { type: "submit", class: "button primary" }, "Explain")),
      result,
    ],
    apart.others.length > 0 && [
      h("h3", null, "Results of the usual mistakes"),
      h("p", { class: "quiet" }, "If your receiver's log shows one of these, it makes that mistake. JSON that was parsed and written again has other bytes, even if its content is the same."),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Results of the usual mistakes" }, others),
    ]);
}
