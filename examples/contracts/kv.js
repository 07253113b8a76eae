// A key-value store. Everybody may write; keys that begin with an underscore belong to the admin, whoever claims that first.
import { index } from 'contract'

const path = (key) => '/kv/' + key

export async function get ({ key }) {
  const entry = await index.get(path(key))
  return entry ? entry.value : null
}

export function list ({ prefix } = {}) {
  return index.list('/kv' + (prefix ? '/' + prefix : ''))
}

export function claim (_, emit) { emit({ op: 'CLAIM' }) }
export function set ({ key, value }, emit) { emit({ op: 'SET', key, value }) }
export function setMany ({ pairs }, emit) { emit({ op: 'SET_MANY', pairs }) }
export function setEach ({ pairs }, emit) { for (const [key, value] of pairs) emit({ op: 'SET', key, value }) }
export function del ({ key }, emit) { emit({ op: 'DELETE', key }) }

const check = (key) => {
  if (typeof key !== 'string' || key === '' || key.length > 200) throw new Error('a key is a string of 1 to 200 characters')
}

const guard = async (key, ack) => {
  if (!key.startsWith('_')) return
  const admin = await index.get('/admin')
  if (!admin || admin.value !== ack.origin) throw new Error('only the admin may do that')
}

export const apply = {
  async CLAIM (tx, op, ack) {
    if (await index.get('/admin')) throw new Error('there is an admin')
    tx.put('/admin', ack.origin)
  },
  SET (tx, op, ack) {
    check(op.key)
    tx.put(path(op.key), op.value)
    // Only what needs the state waits for it.
    return op.key[0] === '_' ? guard(op.key, ack) : undefined
  },
  async SET_MANY (tx, op, ack) {
    for (const [key, value] of op.pairs) {
      check(key)
      await guard(key, ack)
      tx.put(path(key), value)
    }
  },
  async DELETE (tx, op, ack) {
    check(op.key)
    await guard(op.key, ack)
    tx.delete(path(op.key))
  }
}
