// A third verifier of the ledger, written from docs/format.md alone: node, no dependencies.
//
//     node verifier.mjs LEDGER...      one line of JSON for each: {verdict, blocks, records, root}
//
// JSON.parse lets a later key silently replace an earlier one and takes 1.0 for 1, so keys, depth
// and the text of numbers are looked at once more.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

class Stop extends Error {}
const need = (condition, rule) => { if (!condition) throw new Stop("tampered", { cause: rule }); };
const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();

const LONGEST = 2 ** 28, GENESIS = '{"event":"genesis",';
const HEX32 = /^[0-9a-f]{32}$/, HEX64 = /^[0-9a-f]{64}$/;
const WHOLE = "0|[1-9][0-9]{0,15}", HASH = "[0-9a-f]{64}"; // 2^53 has 16 digits
const SCORE = "-?(?:0|[1-9][0-9]{0,8})(?:\\.[0-9]{1,6})?";
const TOKEN = /("(?:[^"\\]+|\\.)*")( *:)?|[{}[\]]|-?[0-9][^ ,}\]]*/g; // in what is known to be JSON
const RECORD = new RegExp(`^\\{"record":(${WHOLE}),"score":(${SCORE}),` +
  `"anomaly":(true|false),(?:"seal":"${HASH}"|"row":(\\{.*\\}))\\}$`);
const BLOCK = new RegExp(
  ["block", "time", "first", "count", "bits"].reduce((s, k) => `${s}"${k}":(${WHOLE}),`, "^\\{") +
  `"prev":"(${HASH})","root":"(${HASH})","nonce":(${WHOLE}),"hash":"(${HASH})"\\}$`);

function merkle(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256("");
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256("\x01", merkle(leaves.slice(0, split)), merkle(leaves.slice(split)));
}

function jsonObject(text, rule) { // its values, and those of them that are numbers once more, as text
  let values;
  try { values = JSON.parse(text); } catch { need(false, rule); }
  const open = [], numbers = new Map(); // open: the keys so far of each object or array around
  let name;
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    if (colon) {
      const key = JSON.parse(string), keys = open.at(-1);
      need(!keys.has(key), rule);
      keys.add(key);
      if (open.length === 1) name = key;
    } else if ("{[".includes(token)) need(open.push(new Set()) <= 64, rule);
    else if ("}]".includes(token)) open.pop();
    else if (!string) {
      need(token.length <= 64, rule);
      if (open.length === 1) numbers.set(name, token);
    }
  }
  return [values, numbers];
}

const like = (value, pattern) => typeof value === "string" && pattern.test(value);
function whole(text) { // the whole number that is written so, otherwise NaN
  return new RegExp(`^(?:${WHOLE})$`).test(text) && Number(text) < 2 ** 53 ? Number(text) : NaN;
}

class Ledger {
  hashes = []; records = 0; time = 0; minBits = 0; sealed = true;

  block(lines) {
    const height = this.hashes.length, head = lines.length > 1 ? lines[0] : "";
    need(lines.reduce((n, line) => n + line.length + 1, 0) <= LONGEST, 1);
    need(lines.every((line) => /^[ -~]*$/.test(line)), 1);
    need(head.startsWith('{"event":'), 2);
    const [event, numbers] = jsonObject(head, 2), kind = event.event;
    need(typeof kind === "string" && (kind === "genesis") === (height === 0), 2);
    if (height === 0) this.genesis(head, event, numbers);
    const rows = lines.slice(1, -1).map((line) => RECORD.exec(line));
    for (const row of rows) {
      need(row, 3);
      const cells = row[4] ? Object.values(jsonObject(row[4], 3)[0]) : [];
      need(cells.every((cell) => typeof cell === "string"), 3);
    }
    const match = BLOCK.exec(lines.at(-1));
    need(match, 4);
    const fields = [1, 2, 3, 4, 5, 8].map((i) => whole(match[i]));
    const [block, time, first, count, bits, nonce] = fields;
    const [prev, root, hash] = [6, 7, 9].map((i) => Buffer.from(match[i], "hex"));
    need(!fields.some(Number.isNaN) && bits <= 255, 4);
    need(block === height && prev.equals(height ? this.hashes.at(-1) : Buffer.alloc(32)), 5);
    need(first === this.records && count === rows.length && time >= this.time, 5);
    need(height || !count, 5);
    need(rows.every((row, i) => row[1] === String(first + i)), 5);
    need(root.equals(merkle(lines.slice(0, -1).map((line) => sha256("\0", line)))), 6);
    const header = Buffer.alloc(112);
    header.write("\0MC1", "latin1");
    [block, first, count].forEach((n, i) => header.writeBigUInt64BE(BigInt(n), 4 + 8 * i));
    header.writeUInt32BE(bits, 28);
    prev.copy(header, 32);
    root.copy(header, 64);
    [time, nonce].forEach((n, i) => header.writeBigUInt64BE(BigInt(n), 96 + 8 * i));
    need(hash.equals(sha256(header)), 6);
    need(BigInt("0x" + match[9]) >> BigInt(256 - bits) === 0n && bits >= this.minBits, 7);
    if (kind === "score") this.score(event, numbers, rows);
    this.hashes.push(hash);
    [this.records, this.time] = [first + count, time];
  }

  genesis(line, event, numbers) {
    const format = whole(numbers.get("format"));
    this.minBits = whole(numbers.get("min_bits"));
    this.sealed = event.rows === "sealed";
    need(line.startsWith(GENESIS) && format >= 1, 2);
    if (format > 1) throw new Stop("newer");
    need(like(event.ledger, HEX32) && typeof event.origin === "string", 2);
    need(this.minBits >= 0 && (this.sealed || event.rows === "open"), 2);
  }

  score(event, numbers, rows) {
    const yes = rows.map((row) => row[3] === "true"), threshold = event.threshold;
    need(like(event.batch, HEX32) && like(event.model, HEX64) && typeof threshold === "number", 8);
    need(whole(numbers.get("rows")) === rows.length, 8);
    need(whole(numbers.get("anomalies")) === yes.filter(Boolean).length, 8);
    need(rows.every((row, i) => yes[i] === Number(row[2]) >= threshold), 8);
    need(rows.every((row) => (row[4] === undefined) === this.sealed), 8);
  }

  tail(data) {
    need(data.length <= LONGEST, 9);
    const size = Math.min(data.length, GENESIS.length);
    if (!this.hashes.length) need(data.slice(0, size) === GENESIS.slice(0, size), 9);
    data.split("\n").slice(0, -1).forEach((line, i) =>
      need(/^[ -~]*$/.test(line) && line.startsWith(i ? '{"record":' : '{"event":'), 9));
  }
}

export function verify(data) {
  const ledger = new Ledger();
  let lines = [], done = 0, at = 0, end, verdict;
  try {
    for (; (end = data.indexOf("\n", at)) >= 0; at = end + 1) {
      lines.push(data.slice(at, end));
      if (lines.at(-1).startsWith('{"block":')) {
        ledger.block(lines);
        [lines, done] = [[], end + 1];
      }
    }
    ledger.tail(data.slice(done));
    verdict = done < data.length || !ledger.hashes.length ? "torn" : "verified";
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    verdict = error.message;
  }
  const root = merkle(ledger.hashes).toString("hex");
  return { verdict, blocks: ledger.hashes.length, records: ledger.records, root };
}

for (const path of process.argv.slice(2)) {
  console.log(JSON.stringify(verify(readFileSync(path, "latin1"))));
}
