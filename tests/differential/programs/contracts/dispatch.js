// name: plain
// op: {"op":"SET","value":1.5}
export const apply = { SET (tx, op, ack) { tx.put('/v', [op, ack]) } }
// name: hang
export const apply = { RUN (tx, op, ack) { return new Promise(() => {}) } }
// name: die
export const apply = { RUN (tx, op, ack) { throw null } }
// name: syntax
export const apply = {{ RUN (tx, op, ack) { throw null } }
// name: evaluate
throw new Error('no')
// name: read
// state: {"/a":{"x":1},"/b/c":2}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/o', [await index.get('a'), await index.list('/'), await index.list('b')]) } }
