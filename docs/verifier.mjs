// A verifier of the ledger in JavaScript, written from format.md alone: node, no dependencies.
//     node verifier.mjs LEDGER...      one line of JSON for each: {verdict, blocks, records, root}
// JSON.parse lets a later key silently replace an earlier one and takes 1.0 for 1, so keys, depth
// and the text of numbers are looked at once more.
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";

class Stop extends Error {}
export function need(condition, rule) { if (!condition) throw new Stop("tampered", { cause: rule }); }
export const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const hex = (value, size) => typeof value === "string" && RegExp(`^[0-9a-f]{${size}}$`).test(value);
const isText = (value) => typeof value === "string";

const LONGEST = 2 ** 28, GENESIS = '{"event":"genesis",', PRINTABLE = /^[ -~]*$/;
const WHOLE = "0|[1-9][0-9]{0,15}", HASH = "[0-9a-f]{64}"; // 2^53 has 16 digits
const SCORE = "-?(?:0|[1-9][0-9]{0,8})(?:\\.[0-9]{1,6})?";
const TOKEN = /("(?:[^"\\]+|\\.)*")( *:)?|[{}[\]]|-?[0-9][^ ,}\]]*/g; // in what is known to be JSON
export const RECORD = new RegExp(`^\\{"record":(${WHOLE}),"score":(${SCORE}),` +
  `"anomaly":(true|false),(?:"seal":"(${HASH})"|"row":(\\{.*\\}))\\}$`);
const BLOCK = new RegExp(
  ["block", "time", "first", "count", "bits"].reduce((s, k) => `${s}"${k}":(${WHOLE}),`, "^\\{") +
  `"prev":"(${HASH})","root":"(${HASH})","nonce":(${WHOLE}),"hash":"(${HASH})"\\}$`);

function merkle(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256("");
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256("\x01", merkle(leaves.slice(0, split)), merkle(leaves.slice(split)));
}
export function jsonObject(text, rule) { // its values, and its numbers once more, as text
  const open = [], numbers = new Map(); // open: the keys so far of each object or array around
  let values, name;
  try { values = JSON.parse(text); } catch { need(false, rule); }
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    if (colon) {
      const key = JSON.parse(string), keys = open.at(-1);
      need(!keys.has(key) && keys.add(key), rule);
      if (open.length === 1) name = key;
    } else if ("{[".includes(token)) need(open.push(new Set()) <= 64, rule);
    else if ("}]".includes(token)) open.pop();
    else if (!string) need(token.length <= 64, rule);
    if (!string && open.length === 1) numbers.set(name, token);
  }
  return [values, numbers];
}
function whole(text) { // the whole number that is written so, otherwise NaN
  return new RegExp(`^(?:${WHOLE})$`).test(text) && Number(text) < 2 ** 53 ? Number(text) : NaN;
}
export function header(line) { // what a block line says, and the hash of the header that it makes
  const match = BLOCK.exec(line);
  need(match, 4);
  const [block, time, first, count, bits, nonce] = [1, 2, 3, 4, 5, 8].map((i) => whole(match[i]));
  const [prev, root, claimed] = [6, 7, 9].map((i) => Buffer.from(match[i], "hex"));
  need(![block, time, first, count, nonce].some(Number.isNaN) && bits <= 255, 4);
  const data = Buffer.concat([Buffer.from("\0MC1"), Buffer.alloc(28), prev, root, Buffer.alloc(16)]);
  [block, first, count].forEach((n, i) => data.writeBigUInt64BE(BigInt(n), 4 + 8 * i));
  data.writeUInt32BE(bits, 28);
  [time, nonce].forEach((n, i) => data.writeBigUInt64BE(BigInt(n), 96 + 8 * i));
  const hash = sha256(data), works = BigInt("0x" + match[9]) >> BigInt(256 - bits) === 0n;
  return { block, time, first, count, bits, prev, root, claimed, hash, works };
}

function addBlock(ledger, lines) {
  const height = ledger.hashes.length, head = lines.length > 1 ? lines[0] : "";
  need(lines.reduce((n, line) => n + line.length + 1, 0) <= LONGEST, 1);
  need(lines.every((line) => PRINTABLE.test(line)), 1);
  need(head.startsWith('{"event":'), 2);
  const [event, numbers] = jsonObject(head, 2), kind = event.event;
  need(isText(kind) && (kind === "genesis") === (height === 0), 2);
  if (height === 0) begin(ledger, head, event, numbers);
  const rows = lines.slice(1, -1).map((line) => RECORD.exec(line));
  need(rows.every((r) => r && (!r[5] || Object.values(jsonObject(r[5], 3)[0]).every(isText))), 3);
  const at = header(lines.at(-1));
  need(at.block === height && at.prev.equals(ledger.hashes.at(-1) ?? Buffer.alloc(32)), 5);
  need(at.first === ledger.records && at.count === rows.length && at.time >= ledger.time, 5);
  need((height || !at.count) && rows.every((row, i) => row[1] === String(at.first + i)), 5);
  need(at.root.equals(merkle(lines.slice(0, -1).map((line) => sha256("\0", line)))), 6);
  need(at.claimed.equals(at.hash), 6);
  need(at.works && at.bits >= ledger.minBits, 7);
  if (kind === "score") {
    const yes = rows.filter((row) => row[3] === "true").length, threshold = event.threshold;
    need(hex(event.batch, 32) && hex(event.model, 64) && typeof threshold === "number", 8);
    need(whole(numbers.get("rows")) === at.count && whole(numbers.get("anomalies")) === yes, 8);
    need(rows.every((row) => (row[3] === "true") === Number(row[2]) >= threshold), 8);
    need(rows.every((row) => (row[5] === undefined) === ledger.sealed), 8);
  }
  Object.assign(ledger, { records: at.first + at.count, time: at.time }).hashes.push(at.hash);
}
function begin(ledger, line, event, numbers) {
  const format = whole(numbers.get("format")), minBits = whole(numbers.get("min_bits"));
  need(line.startsWith(GENESIS) && format >= 1, 2);
  if (format > 1) throw new Stop("newer");
  need(hex(event.ledger, 32) && isText(event.origin) && minBits >= 0, 2);
  need(["sealed", "open"].includes(event.rows), 2);
  Object.assign(ledger, { minBits, sealed: event.rows === "sealed" });
}
function checkTail(tail, blocks) {
  const size = Math.min(tail.length, GENESIS.length), starts = ['{"event":', '{"record":'];
  need(tail.length <= LONGEST && (blocks || tail.slice(0, size) === GENESIS.slice(0, size)), 9);
  need(tail.split("\n").slice(0, -1).every((line, i) =>
    PRINTABLE.test(line) && line.startsWith(starts[Math.min(i, 1)])), 9);
}
export function verify(data) {
  const ledger = { hashes: [], records: 0, time: 0 };
  let lines = [], done = 0, end, verdict = "verified";
  try {
    for (let at = 0; (end = data.indexOf("\n", at)) >= 0; at = end + 1) {
      lines.push(data.slice(at, end));
      if (lines.at(-1).startsWith('{"block":')) (addBlock(ledger, lines), lines = [], done = end + 1);
    }
    checkTail(data.slice(done), ledger.hashes.length);
    if (done < data.length || !ledger.hashes.length) verdict = "torn";
  } catch (error) { if (error instanceof Stop) verdict = error.message; else throw error; }
  const { hashes, records } = ledger, root = merkle(hashes).toString("hex");
  return { verdict, blocks: hashes.length, records, root };
}
if (import.meta.url === `file://${realpathSync(process.argv[1])}`) process.argv.slice(2).forEach(
  (path) => console.log(JSON.stringify(verify(readFileSync(path, "latin1")))));
