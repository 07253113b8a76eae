// Names with owners. Its participants can change, and so can the contract: the steward (the first who asks) decides.
import { index } from 'contract'
import { ok, equal } from 'assert'

export async function lookup ({ name }) {
  const entry = await index.get('/names/' + name)
  return entry ? entry.value : null
}

export async function names () {
  return (await index.list('/names')).map((entry) => entry.name)
}

export function steward (_, emit) { emit({ op: 'STEWARD' }) }
export function register ({ name, data }, emit) { emit({ op: 'REGISTER', name, data }) }
export function transfer ({ name, to }, emit) { emit({ op: 'TRANSFER', name, to }) }
export function release ({ name }, emit) { emit({ op: 'RELEASE', name }) }
export function admit ({ key }, emit) { emit({ op: 'ADMIT', key }) }
export function expel ({ key }, emit) { emit({ op: 'EXPEL', key }) }
export function upgrade ({ code }, emit) { emit({ op: 'UPGRADE', code }) }

const value = async (path) => (await index.get(path))?.value

const owned = async (name, ack) => {
  const entry = await value('/names/' + name)
  ok(entry, 'there is no such name')
  equal(entry.owner, ack.origin, 'somebody else owns it')
  return entry
}

const bySteward = async (ack) => equal(await value('/steward'), ack.origin, 'only the steward may do that')

export const apply = {
  async STEWARD (tx, op, ack) {
    ok(!(await index.get('/steward')), 'there is a steward')
    tx.put('/steward', ack.origin)
  },
  async REGISTER (tx, op, ack) {
    ok(typeof op.name === 'string' && /^[a-z][a-z0-9-]{0,30}$/.test(op.name), 'not a name')
    ok(!(await index.get('/names/' + op.name)), 'the name is taken')
    tx.put('/names/' + op.name, { owner: ack.origin, since: ack.ts, data: op.data })
    tx.put('/count', ((await value('/count')) || 0) + 1)
  },
  async TRANSFER (tx, op, ack) {
    const entry = await owned(op.name, ack)
    ok(/^[0-9a-f]{64}$/.test(op.to), 'not a key')
    tx.put('/names/' + op.name, { ...entry, owner: op.to })
  },
  async RELEASE (tx, op, ack) {
    await owned(op.name, ack)
    tx.delete('/names/' + op.name)
    tx.put('/count', (await value('/count')) - 1)
  },
  async ADMIT (tx, op, ack) {
    await bySteward(ack)
    tx.addOplog({ pubkey: op.key })
  },
  async EXPEL (tx, op, ack) {
    await bySteward(ack)
    ok(op.key !== ack.origin, 'the steward stays')
    tx.removeOplog({ pubkey: op.key })
  },
  async UPGRADE (tx, op, ack) {
    await bySteward(ack)
    tx.put('/upgraded', ack.ts)
    tx.setContractSource({ code: op.code })
  }
}
