'use strict';

/**
 * The fast paths. Each gives what the slow path behind it gives; tests switch
 * them off one by one to see that, and the benchmark to see what each is worth
 * (bench/NOTES.md). Not for programs.
 */
module.exports = {
  /** The MemoryStore's answers are there at once: no later turn, no split body. */
  resident: true,
  /** From the Cookie header to the stored text in one call; a session stays text until looked at. */
  entry: true,
  /** The cookie is left out of a fingerprint without a replacer. */
  fingerprint: true,
  /** Data are compared with a list of what they were, not by their JSON. */
  snapshot: true,
  /** A session that was only read gets its new expiry in place. */
  renewal: true,
  /** A session is written with the text of its fingerprint. */
  put: true,
  /** The session cookie is signed and written in one call. */
  seal: true,
  /** Saves are noticed through a private field. */
  watch: true,
};
