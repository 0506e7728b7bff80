// Every number of the delta-set protocol, with its reason. What members must agree on is in the manifest.

/** Gossip carries one record and perhaps its payload: the inline limit's ceiling (256 KiB) and a header. */
export const GOSSIP_BYTES_MAX = 320 * 1024;

/** One answer of a sync call; the same ceiling as gossip, since it carries the same records. */
export const SYNC_BYTES_MAX = 320 * 1024;

/** Bytes of a record's header: with 1,000 contributors two records each, 32 KB of votes and 300 bytes of the rest. */
export const RECORD_BYTES_MAX = 36 * 1024;

/** Votes name records by this many bytes of their id. With 8, an author could make two of its own records look
 * alike (2^32 tries), have one voted for and bring the other when the jury is gone. */
export const VOTE_BYTES = 16;

/** A delta has weight while at least this share of a window's samples knew it: comparable branches (halves,
 * two fifths) are kept whole when they meet, a light one (two of ten) adopts the heavy one. */
export const KNOWN_SHARE_MIN = 1 / 3;

/** Votes decide once their authors are more than this share of the judged generation's, whatever they claim; until then
 * all is open. */
export const JUDGING_SHARE_MIN = 1 / 2;

/** Where samples weigh, in a jury or a quorum, nobody weighs more than this many times the median: one huge claim would
 * be a jury, or a quorum, alone. */
export const CLAIM_MEDIANS_MAX = 2;

/** Authors of the last so many generations are the live contributors: one missed generation is no farewell. */
export const LIVE_GENERATIONS = 3;

/** With a contributor target, the members are counted by the ranks of the newest generations that hold so many records:
 * enough for 13 %. More would remember a mesh that was smaller: in the first generation many have not come yet … */
export const DRAW_RECORDS = 128;

/** … and by so many generations at most: 18 % at a target of 8, and as good as forgotten when the mesh has changed. */
export const DRAW_WINDOW = 8;

/** Before anybody knows how many members there are, this share is drawn at first, and twice as many after each half of the
 * patience. Of a thousand members 412 published when all were drawn at once, though 64 tell as much. */
export const CENSUS_SHARE = 1 / 16;

/** With a contributor target, so many times as many authors are kept: members whose views differ a little, stragglers
 * and the halves of a healed mesh all fit, and nobody can make a generation larger. */
export const KEPT_TARGETS = 2;

/** A generation without a quorum draws twice as many after each half of the patience: with a whole one a mesh that had lost
 * three of four peers took four times as long to get going again … */
export const WIDENING_PATIENCES = 1 / 2;

/** … and no more often than that: everybody is drawn long before. */
export const WIDENINGS_MAX = 32;

/** Records kept of one author in one generation: an honest one signs one, and two are proof enough. */
export const RECORDS_PER_AUTHOR_MAX = 2;

/** After a quorum, the rest of the live contributors are waited for this many observed generation times. */
export const GRACE_FACTOR = 1;

/** … and at least so long: shorter than a hiccup of the scheduler would cut honest members off. */
export const GRACE_MIN_MS = 1_000;

/** Weight of the newest generation in the running mean of generation times. */
export const OBSERVED_WEIGHT = 0.3;

/** Doubling stops after this many steps; the manifest's patienceMaxMs usually stops it earlier. */
export const PATIENCE_DOUBLINGS_MAX = 16;

/** One neighbour is asked for what we miss this often at most, and once a generation in any case. */
export const SYNC_INTERVAL_MS = 2_000;

/** A sync call that takes longer than this is taken as lost; another neighbour is asked. */
export const SYNC_DEADLINE_MS = 5_000;

/** Generations whose set digests go along with an ordinary sync, half a kilobyte; a newcomer's first one covers the horizon.
 * With twelve, what was lost before stayed lost until two stood at the same generation with different models. */
export const SYNC_DEPTH = 64;

/** Records asked for in one call. */
export const WANTED_MAX = 64;

/** A member with neighbours waits this long for their first answer before it trains. */
export const CATCH_UP_PATIENCE_MS = 10_000;

/** Longest wait for the first members, asked for with `waitForPeers`. */
export const GATHERING_MS = 60_000;

/** Records whose store write or payload fetch is under way; above it new ones are ignored and pulled later. */
export const PENDING_MAX = 256;

/** Who told of a record whose payload then could not be had is not listened to on it for this long, so that one peer's
 * empty words do not hold up all other pulls; twice as long each time … */
export const UNAVAILABLE_MIN_MS = 1_000;

/** … up to this; a record that stayed away for a minute after a cut split a mesh of three … */
export const UNAVAILABLE_MAX_MS = 60_000;

/** … and so many such words are remembered. */
export const UNAVAILABLE_MAX = 1_024;

/** Payload bytes kept in memory for re-application; older ones come from the store. */
export const PAYLOAD_CACHE_BYTES = 32 * 1024 * 1024;

/** While a member trains, records that come late for what it has applied are gathered for so long: in a mesh whose members
 * do not know one another yet, everybody is late for the first generation, one after the other. */
export const CORRECTION_DELAY_MS = 1_000;

/** Generations in one fusion plan: bounds the payloads held while a long history is re-applied, and the time that
 * a plan takes (3 ms a generation of 203,530 parameters and ten contributors). */
export const PLAN_GENERATIONS_MAX = 4;

/** S and m go to disk so many times in a horizon, for restarts and for members beyond it: a history that begins at a copy
 * is whole above it, and sealed pasts that differ are found by copies of both … */
export const SNAPSHOTS_IN_HORIZON = 4;

/** … each time at a multiple of so many generations: those that the model line keeps in memory … */
export const SNAPSHOT_STEP = 4;

/** … once they are this old: by then corrections below them are over. */
export const SNAPSHOT_AGE_MIN = 12;

/** A member that was away copies a state that half of its connected peers name … */
export const AWAY_SHARE_MIN = 1 / 2;

/** … and one on the lighter of two sealed branches a state that a third of them do: the heavier branch may have
 * fewer members than the lighter one. */
export const BRANCH_SHARE_MIN = 1 / 3;

/** After a failed training round or write the next try waits; doubled each time up to the maximum. */
export const RETRY_MIN_MS = 500;
export const RETRY_MAX_MS = 30_000;

/** `settled` needs the done member's neighbours to agree, or this long without any. */
export const SETTLE_MS = 3_000;
