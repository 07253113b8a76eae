// Members vote on who is a member. A proposal passes when more than half of all members are for it.
import { index } from 'contract'

export async function members () {
  return (await index.list('/members')).map((entry) => entry.name)
}

export async function proposal ({ id }) {
  return (await index.get('/proposals/' + id))?.value
}

export function join (_, emit) { emit({ op: 'JOIN' }) }
export function propose ({ id, key, admit }, emit) { emit({ op: 'PROPOSE', id, key, admit }) }
export function vote ({ id, yes }, emit) { emit({ op: 'VOTE', id, yes }) }

const isMember = async (key) => (await index.get('/members/' + key)) !== undefined

async function decide (tx, id, proposal) {
  const all = await index.list('/members')
  const votes = Object.values(proposal.votes)
  const yes = votes.filter((vote) => vote).length
  if (yes * 2 > all.length) {
    proposal.state = 'passed'
    if (proposal.admit) {
      tx.put('/members/' + proposal.key, { by: id })
      tx.addOplog({ pubkey: proposal.key })
    } else {
      tx.delete('/members/' + proposal.key)
      tx.removeOplog({ pubkey: proposal.key })
    }
  } else if ((votes.length - yes) * 2 >= all.length) {
    proposal.state = 'refused'
  }
  tx.put('/proposals/' + id, proposal)
}

export const apply = {
  // The participants of the first day become members by saying so, while there are fewer than three.
  async JOIN (tx, op, ack) {
    if (await isMember(ack.origin)) throw new Error('already a member')
    if ((await index.list('/members')).length >= 3) throw new Error('propose yourself')
    tx.put('/members/' + ack.origin, { by: null })
  },
  async PROPOSE (tx, op, ack) {
    if (!(await isMember(ack.origin))) throw new Error('only members propose')
    if (!/^[a-z0-9-]+$/.test(op.id)) throw new Error('a bad id')
    if (!/^[0-9a-f]{64}$/.test(op.key)) throw new Error('a bad key')
    if (await index.get('/proposals/' + op.id)) throw new Error('there is such a proposal')
    if ((await isMember(op.key)) === Boolean(op.admit)) throw new Error('nothing would change')
    await decide(tx, op.id, { key: op.key, admit: Boolean(op.admit), state: 'open', votes: { [ack.origin]: true } })
  },
  async VOTE (tx, op, ack) {
    if (!(await isMember(ack.origin))) throw new Error('only members vote')
    const entry = await index.get('/proposals/' + op.id)
    if (!entry || entry.value.state !== 'open') throw new Error('no open proposal')
    const proposal = { ...entry.value, votes: { ...entry.value.votes, [ack.origin]: Boolean(op.yes) } }
    await decide(tx, op.id, proposal)
  }
}
