// Inclusions: what the executor made of an operation (docs/proof-format.md, "Inclusion"). Nobody is accused.

import { anchor, guard } from './chain.js'
import { declares, hex } from './claims.js'
import { Entries } from './hyperbee.js'
import { Undecided, decode } from './msgpack.js'
import { ackKey, asAck, isAckPath, isReadable, valueOf } from './vitra.js'

const require = (condition, why) => { if (!condition) throw new Error(why) }

// In the first form the ack is the first block of the index, unless that declares the log.
function ackOf ({ ack, log }, index) {
  if (ack !== undefined) return ack
  return declares(index, log) ? null : [...index.blocks.keys()][0] ?? null
}

const path = (name) => '/' + Buffer.from(name, 'latin1').toString().split('\0').filter((segment) => segment !== '').join('/')

function change (entries, seq) {
  const entry = entries.at(seq)
  require(entry, `block ${seq} behind the ack is no entry`)
  const named = (type, value) => ({ type, path: path(entry.name), value })
  if (entry.value === null) return named('del', null)
  return named('put', isReadable(entry) ? valueOf(entry).value : { undecodable: hex(entry.value) })
}

// The entries behind an ack, all of them, and how that is known.
function result (index, entries, at, ack) {
  const changes = []
  for (let seq = at + 1; ; seq++) {
    if (changes.length === ack.numChanges) return { changes, until: 'announced' }
    if (seq === entries.length) {
      require(!index.patched, 'a patched head shows no end of the index: more may follow')
      return { changes, until: 'head-end' }
    }
    const entry = entries.at(seq)
    if (entry && isAckPath(entry)) return { changes, until: 'next-ack' }
    changes.push(change(entries, seq))
  }
}

// Whether the index's slice shows that the entry is an ack of the executor.
function isGuarded (entries, at) {
  try {
    anchor(entries, at)
    guard(entries, at)
    return true
  } catch { return false }
}

const UNTIL = {
  announced: 'as many changes are here as the ack announces',
  'next-ack': 'the changes end where the next entry at an ack path stands',
  'head-end': 'the changes end with the head: a longer head may hold more'
}

export function inclusion (file, check, work) {
  const { database, log, seq, slices } = file
  const heads = check(slices)
  const own = heads.at(-1)
  require(own?.key.equals(log), 'the last slice is not of the log')
  require(own.blocks.size === 1 && own.blocks.has(seq), 'the last slice does not hold that block alone')
  const isIndex = log.equals(database)
  require(heads.length === (isIndex ? 1 : 2), 'another number of slices')
  const checks = [`block ${seq} is in it, at its place`]
  const shown = { database: hex(database), log: hex(log), seq, length: own.length, fork: own.fork }
  if (isIndex) {
    require((file.ack ?? null) === null, 'a block of the index has no ack')
    return { shows: 'inclusion', inclusion: { ...shown, operation: null, result: null }, checks }
  }
  const [index] = heads
  require(index.key.equals(database), 'the first slice is not the index')
  let operation
  try { operation = decode(own.blocks.get(seq)).value } catch { operation = { undecodable: hex(own.blocks.get(seq)) } }
  const at = ackOf(file, index)
  if (at === null) {
    require(declares(index, log), 'a log that is not shown to be of this database')
    checks.push('the index declares the log as an input')
    return { shows: 'inclusion', inclusion: { ...shown, operation, result: null }, checks }
  }
  const entries = new Entries(index, work)
  const entry = entries.at(at)
  require(entry && entry.name === ackKey(hex(log), seq), `block ${at} is not at the path of the operation's ack`)
  const { value, peculiar } = valueOf(entry)
  if (peculiar) throw new Undecided('an ack that versions of msgpackr read differently')
  const ack = asAck(value)
  require(ack, `block ${at} is no well-typed ack`)
  const { changes, until } = result(index, entries, at, ack)
  const guarded = isGuarded(entries, at)
  checks.push('the executor published its ack, and all of the changes behind it that are here', UNTIL[until])
  if (guarded) checks.push(`a batch ends before block ${at}, and every contract so far keeps to the guard`)
  const { success, error, ts, numChanges } = ack
  const published = { seq: at, success, error, ts, announced: numChanges, changes, until, guarded }
  return { shows: 'inclusion', inclusion: { ...shown, operation, result: published }, checks }
}
