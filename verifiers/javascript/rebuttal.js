// Rebuttals: what clears an executor of a proof (docs/proof-format.md, "Rebuttals").

import { Audit, audit } from './audit.js'
import { BY_HEADS, hex } from './claims.js'
import { extend, hash, treeHash } from './hash.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }

// Two histories of the operation on which the first proof rests, or one that was cut: nobody knows what the executor
// was shown.
function byHeads (second, instead) {
  return (finding) => {
    const rests = finding.accused.or && finding.origin === instead.log
    require(rests, 'it clears nobody: the first proof does not rest on an operation of that log')
    const { kind, length } = second.claim
    require(kind === 'truncation' || length <= finding.op_seq + 1,
      'it clears nobody: the two histories are known to differ only behind that operation')
    return kind === 'truncation'
      ? `the first proof rests on an operation of log ${instead.log}, which was cut: the executor may have been shown another`
      : `the first proof rests on an operation that log ${instead.log} has two histories of`
  }
}

// A head with which the log goes on, and the transaction is in order.
async function byLonger (first, finding, [index], { nodes }, longer, run, work) {
  const { from, seq, end } = first.claim
  const [head] = longer
  require(head && head.key.equals(index.key) && head.fork === index.fork, 'the longer head is of another log or fork')
  require(head.length > end, 'the head of the answer is not longer')
  require(treeHash(extend(index.roots, index.length, nodes, head.length)).equals(head.hash),
    'the longer head does not go on from the first proof\'s')
  const made = new Audit(first.database, longer, { from, open: false }, run, work)
  await made.inOrder(first.claim, finding)
  return [...made.checks, `the longer head goes on from the first proof's, and the transaction with block ${seq} is in order there`]
}

// `check` authenticates slices, and says so.
export async function rebuttal ({ first, second, longer }, check, run, work) {
  require(!BY_HEADS[first.claim.kind],
    'it clears nobody: the first proof does not rest on an operation, nor on the end of a head')
  require(!second || second.database.equals(first.database), 'the two proofs are about different databases')
  require(!longer || first.claim.end !== null, 'it clears nobody: the first proof does not rest on the end of a head')
  const heads = check(first.slices)
  // The second proof is cheap: it needs no run.
  const secondChecks = []
  const others = check((second ?? longer).slices, secondChecks)
  let [instead, clears] = [null, null]
  if (second) {
    const byKind = BY_HEADS[second.claim.kind]
    require(byKind, 'it clears nobody: the second proof is not one of an equivocation or a truncation')
    const { check: shown, ...finding } = byKind(second, others)
    instead = { kind: second.claim.kind, seq: null, ...finding }
    secondChecks.push(shown)
    clears = byHeads(second, instead)
  }
  const { checks, end, ...found } = await audit(first, heads, run, work)
  const finding = { kind: first.claim.kind, ...found }
  if (clears) secondChecks.push(clears(finding))
  else secondChecks.push(...await byLonger(first, finding, heads, longer, others, run, work))
  return {
    shows: 'rebuttal',
    rebuttal: { database: hex(first.database), proof: hex(hash(first.bytes)), finding, end, instead, longer: longer ? others[0].length : null },
    checks: [...checks, ...secondChecks]
  }
}
