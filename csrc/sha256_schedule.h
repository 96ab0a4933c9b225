/* The message schedule of a search on vectors: lane i belongs to the i-th nonce in flight. A kernel
 * includes this file after it has said what a vector is:
 *
 *   vec, LANES              the vector type and how many words it holds
 *   TARGET                  the instruction set, as an attribute
 *   add(x, y)               sums, word by word
 *   ROR(x, n)               each word rotated right by n bits
 *   LOWER(x, a, b, c)       ror(x, a) ^ ror(x, b) ^ shr(x, c)
 *   all_of(word)            the same word everywhere
 *   counting()              0, 1, 2, ... */

#define STEP TARGET static inline __attribute__((always_inline))

/* FIPS 180-4 section 4.1.2. */
STEP vec lower0(vec x) { return LOWER(x, 7, 18, 3); }
STEP vec lower1(vec x) { return LOWER(x, 17, 19, 10); }

STEP vec with_constant(vec word, unsigned t)
{
    return add(word, all_of(mc_round_constants[t]));
}

/* Word t of 12 to 63 with its round constant, and where it varies, word t itself in its place. What
 * does not vary was added up in advance. t is known at compile time, and so is every condition. */
STEP vec search_word(vec w[16], unsigned t, const struct mc_hoisted *hoisted)
{
    if (!MC_VARIES(t))
        return all_of(hoisted->terms[t]);
    vec word = all_of(0);
    if (MC_VARIES(t - 16))
        word = w[t & 15];
    if (MC_VARIES(t - 15))
        word = add(word, lower0(w[(t + 1) & 15]));
    if (MC_VARIES(t - 7))
        word = add(word, w[(t + 9) & 15]);
    if (MC_VARIES(t - 2))
        word = add(word, lower1(w[(t + 14) & 15]));
    if (t < MC_TERMS)
        word = add(word, all_of(hoisted->terms[t]));
    w[t & 15] = word;
    return with_constant(word, t);
}
