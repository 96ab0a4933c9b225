/* medchain: SHA-256 proof of work, line hashing and Merkle roots. The whole public C API.
 *
 * C11. No allocation, no I/O, no state but what the processor can do and which kernels proved
 * themselves. Every function is thread-safe and returns a status: below zero a failure, else as
 * documented. The Python binding reads everything between the two cdef lines as it stands, so keep
 * preprocessor lines out of there. */

#ifndef MEDCHAIN_H
#define MEDCHAIN_H

#include <stddef.h>
#include <stdint.h>

/* cdef begin */

enum {
    MEDCHAIN_OK = 0,
    MEDCHAIN_EXHAUSTED = 0,         /* mine: no nonce of the range meets the target */
    MEDCHAIN_FOUND = 1,             /* mine: the lowest nonce of the range that does */
    MEDCHAIN_STOPPED = 2,           /* mine: the stop flag was set */
    MEDCHAIN_NOT_PLAIN = 3,         /* lines: this needs the slow twin, nothing was written */
    MEDCHAIN_LINE_ROOM = 192,       /* lines: at most so many bytes a line beside its cells */
    MEDCHAIN_BAD_ARGUMENT = -1,     /* the caller's bug */
    MEDCHAIN_UNKNOWN_KERNEL = -2,   /* no kernel has this number */
    MEDCHAIN_NOT_COMPILED = -3,     /* the kernel is not part of this build */
    MEDCHAIN_NOT_SUPPORTED = -4,    /* this CPU lacks what it needs */
    MEDCHAIN_SELF_TEST_FAILED = -5, /* it computes wrong hashes on this machine */
    MEDCHAIN_WRONG_HIT = -6,        /* mine: the reference contradicts the kernel's hit */
    MEDCHAIN_NO_PREFIX = -1         /* hash_lines: hash the line alone */
};

/* What a kernel is for: the best miner need not be the best hasher. */
enum { MEDCHAIN_MINING = 0, MEDCHAIN_HASHING = 1 };

/* Kernels are numbered from 0; the list is the same in every build. */

/* How many kernels there are. */
int medchain_kernel_count(void);

/* The kernel's name, or NULL where it has no such number. */
const char *medchain_kernel_name(int kernel);

/* MEDCHAIN_OK where the kernel can be used here. The first call for a kernel tests it (below a
 * millisecond) against FIPS 180-4 and the portable kernel; every function below makes that call. */
int medchain_kernel_status(int kernel);

/* The fastest kernel that can be used here, for MEDCHAIN_MINING or MEDCHAIN_HASHING: the first call
 * for a purpose measures for about a millisecond, and its answer is remembered. */
int medchain_kernel_default(int purpose);

/* Write the SHA-256 of size bytes at data to out[32]. */
int medchain_sha256(int kernel, const uint8_t *data, size_t size, uint8_t *out);

/* Hash every line of data, without its LF, behind one prefix byte (0 to 255, or
 * MEDCHAIN_NO_PREFIX); write 32 bytes a line to out. The last byte of data must be an LF, and
 * capacity exactly 32 times the number of lines. */
int medchain_hash_lines(int kernel, const uint8_t *data, size_t size, int prefix,
                        uint8_t *out, size_t capacity);

/* Write the Merkle tree hash of RFC 6962 section 2.1 over count leaf hashes to out[32]. The leaf
 * hashes at nodes (32 bytes each) are overwritten: the tree is folded where it lies. */
int medchain_root(int kernel, uint8_t *nodes, size_t count, uint8_t *out);

/* Write the Merkle tree hash over the lines of data to out[32]: each leaf is the hash of a line
 * behind the prefix 0. The last byte of data must be an LF. */
int medchain_lines_root(int kernel, const uint8_t *data, size_t size, uint8_t *out);

/* Search the nonces of [start, start + count) for the lowest with which the SHA-256 of the header
 * begins with `bits` zero bits (0 to 256). header: 112 bytes, the last 8 of which are the nonce,
 * big-endian, and are ignored. *stop, where stop is not NULL, is read every 65,536 nonces; any
 * thread may set it to end the search. MEDCHAIN_FOUND: *nonce is the nonce. MEDCHAIN_EXHAUSTED
 * and MEDCHAIN_STOPPED: *nonce is the first that was not tried. */
int medchain_mine(int kernel, const uint8_t *header, uint64_t start, uint64_t count,
                  uint32_t bits, const volatile int *stop, uint64_t *nonce);

/* Lines in batches. Text that comes in is a whole number of LF-terminated lines, text that goes out
 * as well; *written is its size. The caller gives room for what comes out, or gets
 * MEDCHAIN_BAD_ARGUMENT. MEDCHAIN_NOT_PLAIN: this batch has something that these functions leave to
 * the slow twin; what stands at out is no result. */

/* Write each row as a JSON object of its cells. rows: lines of plain cells (0x20 to 0x7E, no quote
 * and no backslash; else MEDCHAIN_NOT_PLAIN) with a delimiter between two. names: for each column
 * a line with what stands before its cell, `{"age":"` or `","sex":"`. */
int medchain_row_objects(const uint8_t *rows, size_t size, uint8_t delimiter,
                         const uint8_t *names, size_t names_size,
                         uint8_t *out, size_t capacity, size_t *written);

/* Write the sealed lines of `count` row objects, the records from `first` on. salts: 16 bytes a
 * row. ledger: its id, 32 characters. */
int medchain_sealed_lines(const uint8_t *objects, size_t size, const uint8_t *salts, size_t count,
                          const uint8_t *ledger, uint64_t first,
                          uint8_t *out, size_t capacity, size_t *written);

/* Write the record lines of `count` sealed rows. seals: 32 bytes a row. Scores are whole numbers of
 * millionths below 10^9, or MEDCHAIN_NOT_PLAIN is returned. */
int medchain_sealed_records(const double *scores, const uint8_t *seals, size_t count,
                            double threshold, uint64_t first,
                            uint8_t *out, size_t capacity, size_t *written);

/* Write the record lines of `count` open rows, given as row objects. */
int medchain_open_records(const double *scores, const uint8_t *objects, size_t size, size_t count,
                          double threshold, uint64_t first,
                          uint8_t *out, size_t capacity, size_t *written);

/* Blocks in a row that belong to one batch, were scored by one model, and claim as much work. */
struct medchain_run {
    char batch[32], model[64]; /* hex */
    uint64_t bits, blocks, records;
    int declared; /* whether by a model that is declared, in `verdict` events */
};

/* What medchain_scan starts from, and what it saw. */
struct medchain_scan {
    /* The head, before and after: height and first record of the next block, and the last one's
     * time and hash. */
    uint64_t height, first, time;
    uint8_t prev[32];
    /* What the genesis event demands. */
    uint64_t min_bits;
    int sealed;
    /* Areas of the caller: the hashes of the accepted blocks, 32 bytes each, and their runs. */
    uint8_t *hashes;
    struct medchain_run *runs;
    size_t hash_room, run_room; /* for how many there is room */
    /* What was accepted. */
    size_t size, blocks, run_count;
    uint64_t lines, records, anomalies;
};

/* Accept blocks at data, one after the other, and stop before the first one that does not hold by
 * docs/format.md, or is cut off, or is of an unusual form: its verdict is the caller's to find.
 * Block 0 is never accepted. */
int medchain_scan(int kernel, const uint8_t *data, size_t size, struct medchain_scan *scan);

/* cdef end */

#endif
