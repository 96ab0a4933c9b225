// A verifier of the ledger in JavaScript, written from format.md alone: node, no dependencies.
//     node verifier.mjs LEDGER...      one line of JSON for each: {verdict, blocks, records, root}
// JSON.parse lets a later key silently replace an earlier one and takes 1.0 for 1, so keys, depth
// and the text of numbers are looked at once more.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, realpathSync } from "node:fs";

class Stop extends Error {}
export function need(condition, rule) { if (!condition) throw new Stop("tampered", { cause: rule }); }
export const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const hex = (value, size) => typeof value === "string" && RegExp(`^[0-9a-f]{${size}}$`).test(value);
const isText = (value) => typeof value === "string";

export const LINE = 2 ** 20; // the bytes of an event line or a record line at most
const LONGEST = 2 ** 24, RECORDS = 2 ** 17, CHUNK = 2 ** 20; // of a block the bytes and the records
const GENESIS = '{"event":"genesis",', BLOCK_LINE = '\n{"block":', PRINTABLE = /^[ -~]*$/;
const WHOLE = "0|[1-9][0-9]{0,15}", HASH = "[0-9a-f]{64}"; // 2^53 has 16 digits
const SCORE = "-?(?:0|[1-9][0-9]{0,8})(?:\\.[0-9]{1,6})?";
const TOKEN = /("(?:[^"\\]+|\\.)*")( *:)?|[{}[\]]|-?[0-9][^ ,}\]]*/g; // in what is known to be JSON
const SAID = `"(?:(score)":(${SCORE})|(class)":(0|[1-9][0-9]{0,2})),"anomaly":(true|false)`;
export const RECORD = new RegExp(`^\\{"record":(${WHOLE}),(?:${SAID}|"said":"(text|error|unfit)"),` +
  `(?:"seal":"(${HASH})"|"row":(\\{.*\\}))\\}$`);
const BLOCK = new RegExp(
  ["block", "time", "first", "count", "bits"].reduce((s, k) => `${s}"${k}":(${WHOLE}),`, "^\\{") +
  `"prev":"(${HASH})","root":"(${HASH})","nonce":(${WHOLE}),"hash":"(${HASH})"\\}$`);

class Tree { // of RFC 6962, section 2.1: its complete subtrees, the largest first
  size = 0;
  parts = [];
  add(leaf) {
    for (let n = this.size++; n % 2; n = (n - 1) / 2) leaf = sha256("\x01", this.parts.pop(), leaf);
    this.parts.push(leaf);
  }
  root() {
    const join = (right, left) => sha256("\x01", left, right);
    return this.size ? this.parts.reduceRight(join) : sha256("");
  }
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

export function reading(match) { // what a record line says, from its match
  const [number, score, value, named, place, anomaly, said, seal, row] = match.slice(1);
  return { number, kind: score ?? named, value: Number(value ?? place), anomaly, said, seal, row };
}
export function fits(event, record) { // whether a record says what its event's model does
  const verdict = event.event === "verdict", says = verdict ? event.says : "number";
  if (record.said) return verdict && (record.said !== "text" || says === "text");
  if (record.kind !== (says === "class" ? "class" : says === "text" ? "" : "score")) return false;
  const above = event.threshold !== null && record.value >= event.threshold;
  return (record.anomaly === "true") === above;
}
function checkEvent(event, numbers, { count, yes, errors }) { // one whose records a model spoke of
  const verdict = event.event === "verdict", { says, threshold } = event;
  need(hex(event.batch, 32) && hex(event.model, 64), 8);
  need(typeof threshold === "number" || (verdict && threshold === null), 8);
  need(whole(numbers.get("rows")) === count && whole(numbers.get("anomalies")) === yes, 8);
  if (verdict) need(["probability", "number", "class", "text"].includes(says), 8);
  if (verdict) need(whole(numbers.get("errors")) === errors, 8);
}
function addBlock(ledger, text) { // its bytes, up to the LF of its block line
  const height = ledger.tree.size, head = text.slice(0, text.indexOf("\n")), leaves = new Tree();
  need(text.length <= LONGEST, 1);
  need(!/[^ -~\n]/.test(text), 1);
  need(head.startsWith('{"event":') && head.length <= LINE, 2);
  const [event, numbers] = jsonObject(head, 2), kind = event.event;
  need(isText(kind) && (kind === "genesis") === (height === 0), 2);
  if (height === 0) begin(ledger, head, event, numbers);
  const spoken = ["score", "verdict"].includes(kind);
  leaves.add(sha256("\0", head));
  let start = head.length + 1, count = 0, yes = 0, errors = 0;
  for (let end; (end = text.indexOf("\n", start)) < text.length - 1; start = end + 1) {
    const line = text.slice(start, end), match = RECORD.exec(line);
    need(match && line.length <= LINE && count < RECORDS, 3);
    const record = reading(match);
    need(!record.row || Object.values(jsonObject(record.row, 3)[0]).every(isText), 3);
    need(height && record.number === String(ledger.records + count), 5);
    leaves.add(sha256("\0", line));
    count += 1;
    yes += record.anomaly === "true";
    errors += record.said === "error";
    if (spoken) need(fits(event, record) && (record.row === undefined) === ledger.sealed, 8);
  }
  const at = header(text.slice(start, -1));
  need(at.block === height && at.prev.equals(ledger.head) && at.time >= ledger.time, 5);
  need(at.first === ledger.records && at.count === count, 5);
  need(at.root.equals(leaves.root()) && at.claimed.equals(at.hash), 6);
  need(at.works && at.bits >= ledger.minBits, 7);
  if (spoken) checkEvent(event, numbers, { count, yes, errors });
  if (kind === "declare") {
    const { declaration, model, reason } = event, ascii = /^[\0-\x7f]*$/;
    need(isText(declaration) && ascii.test(declaration) && isText(reason), 8);
    need(sha256(declaration).toString("hex") === model, 8);
  }
  Object.assign(ledger, { records: at.first + count, time: at.time, head: at.hash });
  ledger.tree.add(at.hash);
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
  const size = Math.min(tail.length, GENESIS.length), lines = tail.split("\n", RECORDS + 3);
  need(tail.length <= LONGEST && (blocks || tail.slice(0, size) === GENESIS.slice(0, size)), 9);
  need(lines.length <= RECORDS + 2 && lines.pop().length <= LINE, 9);
  need(lines.every((line, i) => line.length <= LINE && PRINTABLE.test(line) &&
    line.startsWith(i ? '{"record":' : '{"event":')), 9);
}
function readBlocks(file, each) { // the text of every block goes to `each`; returns the tail
  const buffer = Buffer.alloc(1 + LONGEST + CHUNK);
  let size = buffer.write("\n"), from = 0, read; // with it, an LF stands before every line
  while ((read = readSync(file, buffer, size, CHUNK)) > 0) {
    let begin = 0, at, end;
    const bytes = buffer.subarray(0, size += read);
    while ((at = bytes.indexOf(BLOCK_LINE, from)) >= 0) {
      from = at; // its end may only come with another chunk
      if ((end = bytes.indexOf("\n", at + 1)) < 0) break;
      each(bytes.latin1Slice(begin + 1, end + 1));
      begin = from = end;
    }
    if (at < 0) from = Math.max(begin, size - BLOCK_LINE.length);
    buffer.copyWithin(0, begin, size);
    [size, from] = [size - begin, from - begin];
    need(size <= 1 + LONGEST, 1);
  }
  return buffer.latin1Slice(1, size);
}
export function verify(path) {
  const ledger = { tree: new Tree(), head: Buffer.alloc(32), records: 0, time: 0 };
  const file = openSync(path);
  let verdict = "verified";
  try {
    const tail = readBlocks(file, (text) => addBlock(ledger, text));
    checkTail(tail, ledger.tree.size);
    if (tail || !ledger.tree.size) verdict = "torn";
  } catch (error) { if (error instanceof Stop) verdict = error.message; else throw error; }
  closeSync(file);
  const { records, tree } = ledger, root = tree.root().toString("hex");
  return { verdict, blocks: tree.size, records, root };
}
if (import.meta.url === `file://${realpathSync(process.argv[1])}`)
  process.argv.slice(2).forEach((path) => console.log(JSON.stringify(verify(path))));
