// A forum: threads, replies, edits, reactions.
import { index } from 'contract'

const pad = (n) => String(n).padStart(6, '0')
const thread = (id) => '/threads/' + pad(id)

export async function threads ({ from = 0, count = 20 } = {}) {
  const page = await index.list('/threads', { reverse: true, offset: from, limit: count })
  return page.filter((entry) => entry.value).map((entry) => ({ id: Number(entry.name), ...entry.value }))
}

export async function replies ({ id }) {
  return (await index.list(thread(id))).map((entry) => entry.value)
}

// Executors note in each ack how long the text was.
export function process (op) {
  return op && typeof op.text === 'string' ? { characters: op.text.length } : undefined
}

export function open ({ title, text }, emit) { emit({ op: 'OPEN', title, text }) }
export function reply ({ id, text, tags }, emit) { emit({ op: 'REPLY', id, text, tags }) }
export function edit ({ id, reply, text }, emit) { emit({ op: 'EDIT', id, reply, text }) }
export function react ({ id, with: name }, emit) { emit({ op: 'REACT', id, name }) }
export function remove ({ id, reply }, emit) { emit({ op: 'REMOVE', id, reply }) }

class Refused extends Error {}

const clean = (text, most) => {
  if (typeof text !== 'string') throw new Refused('a text is missing')
  const trimmed = text.trim()
  if (trimmed.length < 1 || trimmed.length > most) throw new Refused(`a text has 1 to ${most} characters`)
  return trimmed
}

const load = async (path) => {
  const entry = await index.get(path)
  if (!entry || !entry.value) throw new Refused('not found')
  return entry.value
}

export const apply = {
  async OPEN (tx, op, ack) {
    const id = ((await index.get('/last'))?.value ?? 0) + 1
    const at = new Date(ack.ts).toISOString()
    tx.put(thread(id), { title: clean(op.title, 80), by: ack.origin, at, replies: 0, reactions: {} })
    tx.put(`${thread(id)}/${pad(0)}`, { by: ack.origin, at, text: clean(op.text, 2000), tags: [] })
    tx.put('/last', id)
  },
  async REPLY (tx, op, ack) {
    const head = await load(thread(op.id))
    const number = head.replies + 1
    const tags = [...new Set(Array.isArray(op.tags) ? op.tags.map(String) : [])].sort()
    tx.put(thread(op.id), { ...head, replies: number, last: ack.origin })
    tx.put(`${thread(op.id)}/${pad(number)}`, { by: ack.origin, at: new Date(ack.ts).toISOString(), text: clean(op.text, 2000), tags })
  },
  async EDIT (tx, op, ack) {
    const path = `${thread(op.id)}/${pad(op.reply)}`
    const post = await load(path)
    if (post.by !== ack.origin) throw new Refused('somebody else wrote that')
    tx.put(path, { ...post, text: clean(op.text, 2000), edits: (post.edits || 0) + 1 })
  },
  async REACT (tx, op, ack) {
    const head = await load(thread(op.id))
    const name = clean(op.name, 20)
    const reactions = new Map(Object.entries(head.reactions))
    const all = new Set(reactions.get(name) || [])
    if (!all.delete(ack.origin)) all.add(ack.origin)
    reactions.set(name, [...all])
    tx.put(thread(op.id), { ...head, reactions: Object.fromEntries(reactions) })
  },
  async REMOVE (tx, op, ack) {
    const path = `${thread(op.id)}/${pad(op.reply)}`
    const post = await load(path)
    if (post.by !== ack.origin) throw new Refused('somebody else wrote that')
    tx.delete(path)
  }
}
