// Checks proofs of a record in JavaScript, written from trust.md and C2SP alone: node, no more.
//     node check-proof.mjs POLICY PROOF...      for each one line of JSON: what it proves, or why not
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { LINE, RECORD, fits, header, jsonObject, need, reading, sha256 } from "./verifier.mjs";

const base64 = (text) => {
  const data = Buffer.from(text, "base64");
  need(data.toString("base64") === text, "base64");
  return data;
};
const hash = (text) => { const data = base64(text); need(data.length === 32, "hash"); return data; };
const whole = (text) => { need(/^(0|[1-9][0-9]{0,14})$/.test(text), "number"); return Number(text); };

function readKey(text, type) { // C2SP signed-note, verifier keys
  const [name, id, ...rest] = text.split("+"), data = base64(rest.join("+"));
  const real = createHash("sha256").update(`${name}\n`).update(data).digest("hex").slice(0, 8);
  need(name && id === real && data.length === 33 && data[0] === type, "key");
  const jwk = { kty: "OKP", crv: "Ed25519", x: data.subarray(1).toString("base64url") };
  return { name, id, type, key: createPublicKey({ key: jwk, format: "jwk" }) };
}
export function readPolicy(text) { // C2SP tlog-policy
  const policy = { logs: [], names: new Map() };
  need(text.endsWith("\n"), "policy");
  for (const line of text.split("\n")) {
    const [keyword, ...items] = line.split(/[ \t]+/).filter(Boolean);
    if (!keyword || keyword.startsWith("#")) continue;
    const [name, least, ...members] = items, known = (n) => policy.names.has(n);
    if (keyword === "log") policy.logs.push(readKey(name, 1));
    else if (keyword === "quorum") {
      need(policy.quorum === undefined && (name === "none" || known(name)), "quorum");
      policy.quorum = name;
    } else {
      need(name !== "none" && !known(name), "name");
      if (keyword === "witness") policy.names.set(name, readKey(least, 4));
      else {
        const count = { any: 1, all: members.length }[least] ?? whole(least);
        need(keyword === "group" && members.every(known), "group");
        need(count >= 1 && count <= members.length, "group");
        policy.names.set(name, { count, members });
      }
    }
  }
  need(policy.quorum && policy.logs.length, "policy");
  return policy;
}

function openNote(note, policy) { // the checkpoint in a note, if the policy accepts it
  const end = note.lastIndexOf("\n\n") + 1, text = note.slice(0, end);
  need(end > 0 && note.endsWith("\n") && !/[\0-\x09\x0b-\x1f]/.test(note), "note");
  const signatures = note.slice(end + 1, -1).split("\n").map((line) => {
    const [mark, name, data, ...rest] = line.split(" ");
    need(mark === "—" && /^[^+\p{White_Space}]+$/u.test(name) && data && !rest.length, "signature");
    need(base64(data).length > 4, "signature"); // of whatever key: who is unknown is only ignored
    return { name, data: base64(data) };
  });
  need(signatures.length <= 100 && Buffer.byteLength(note) <= 2 ** 20, "too much");
  const signed = ({ name, id, type, key }) => signatures.flatMap((signature) => { // and when
    if (signature.name !== name || signature.data.toString("hex", 0, 4) !== id) return [];
    const data = signature.data.subarray(4), time = type === 4 ? data.readBigUInt64BE() : 0n;
    const prefix = type === 4 ? `cosignature/v1\ntime ${time}\n` : "";
    const bytes = data.subarray(type === 4 ? 8 : 0);
    need(time < 2n ** 63n && verifySignature(null, Buffer.from(prefix + text), key, bytes), "wrong signature");
    return [time];
  });
  const [origin, size, root, ...rest] = text.slice(0, -1).split("\n");
  need(origin && root && rest.every(Boolean), "checkpoint");
  const cosigned = new Map([...policy.names].filter(([, n]) => n.key).map(([n, k]) => [n, signed(k)]));
  const seen = (name, since) => name === "none" || (cosigned.get(name)?.some((t) => t >= since) ??
    policy.names.get(name).members.filter((n) => seen(n, since)).length >= policy.names.get(name).count);
  need(policy.logs.filter((log) => log.name === origin).flatMap(signed).length, "no log signed");
  need(seen(policy.quorum, 0n), "no quorum");
  const since = (time) => seen(policy.quorum, time); // whether a whole quorum cosigned since then
  return { origin, size: whole(size), root: hash(root), since };
}
function rootAbove(leaf, index, size, path) { // RFC 9162, 2.1.3.2
  need(index < size, "leaf");
  let last = size - 1, place = 0;
  for (; last > 0; [index, last] = [Math.floor(index / 2), Math.floor(last / 2)]) {
    if (index % 2 === 0 && index === last) continue;
    need(place < path.length, "path");
    const sibling = path[place++];
    leaf = index % 2 ? sha256("\x01", sibling, leaf) : sha256("\x01", leaf, sibling);
  }
  need(place === path.length, "path");
  return leaf;
}
export function check(text, policy) { // what a proof shows; throws where it does not hold
  const gap = text.indexOf("\n\n"), [kind, extra, index, ...path] = text.slice(0, gap).split("\n");
  need(kind === "c2sp.org/tlog-proof@v1" && /^extra ./.test(extra) && /^index ./.test(index), "kind");
  const lines = base64(extra.slice(6)).toString("latin1").split("\n");
  need(lines.shift() === "medchain/record@v1" && lines.pop() === "", "kind");
  const takePath = () => { // the hashes that follow
    const end = lines.findIndex((line) => line.startsWith("{"));
    return lines.splice(0, end < 0 ? lines.length : end).map(hash);
  };
  const event = lines.shift(), eventPath = takePath(), line = lines.shift(), linePath = takePath();
  const [blockLine, sealed, ...more] = lines, match = RECORD.exec(line), block = header(blockLine);
  need(!more.length && match, "lines");
  const record = reading(match), number = whole(record.number);
  need([event, line].every((l) => /^[ -~]*$/.test(l) && l.length <= LINE), "lines");
  need(event.startsWith('{"event":') && block.claimed.equals(block.hash) && block.works, "block");
  const tree = openNote(text.slice(gap + 2), policy), place = number - block.first;
  const latest = BigInt(Math.ceil(block.time / 1e6)) - 300n; // two clocks may differ by 5 minutes
  need(tree.since(latest), "cosigned before its block was");
  need(whole(index.slice(6)) === block.block && place >= 0 && place < block.count, "place");
  need(rootAbove(block.hash, block.block, tree.size, path.map(hash)).equals(tree.root), "tree");
  for (const [leaf, at, way] of [[event, 0, eventPath], [line, place + 1, linePath]])
    need(rootAbove(sha256("\0", leaf), at, block.count + 1, way).equals(block.root), "root");
  const [about] = jsonObject(event, "event");
  if (["score", "verdict"].includes(about.event)) need(fits(about, record), "verdict");
  const row = sealed === undefined ? undefined : jsonObject(sealed, "sealed")[0];
  if (row) need(sealed.length <= LINE && sha256(sealed).toString("hex") === record.seal && /^[0-9a-f]{32}$/.test(row.salt) &&
    /^[0-9a-f]{32}$/.test(row.ledger) && row.record === number, "seal");
  const said = record.said ? { said: record.said } :
    { [record.kind]: record.value, anomaly: record.anomaly === "true" };
  return { record: number, ...said, row: row?.row };
}
if (import.meta.url === `file://${realpathSync(process.argv[1])}`) {
  const policy = readPolicy(readFileSync(process.argv[2], "utf8"));
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }); // no other bytes
  for (const path of process.argv.slice(3)) {
    let said;
    try { said = check(utf8.decode(readFileSync(path)), policy); }
    catch (error) { said = { refused: error.cause ?? error.message }; }
    console.log(JSON.stringify(said));
  }
}
