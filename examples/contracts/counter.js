// A counter: the smallest contract that reads what it wrote.
import { index } from 'contract'

export async function read () {
  const entry = await index.get('/total')
  return entry ? entry.value : 0
}

export function bump ({ by } = {}, emit) {
  emit({ op: 'BUMP', by: by === undefined ? 1 : by })
}

export const apply = {
  async BUMP (tx, op) {
    if (!Number.isSafeInteger(op.by)) throw new Error('by must be an integer')
    const total = (await index.get('/total'))?.value ?? 0
    tx.put('/total', total + op.by)
  }
}
