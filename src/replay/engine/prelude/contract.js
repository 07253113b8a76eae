// The module `contract`.
const pubkeyOf = globalThis.__internal__contract__indexPubkey
const oplogOf = globalThis.__internal__contract__oplogPubkey
class ContractIndex {
  constructor (pubkey) { this.pubkey = pubkey }
  list (prefix, opts) { return __internal__contract__indexList(this.pubkey, prefix, opts) }
  get (key) { return __internal__contract__indexGet(this.pubkey, key) }
}
class ContractOplog {
  constructor (pubkey) { this.pubkey = pubkey }
  getLength () { return __internal__contract__oplogGetLength(this.pubkey) }
  get (seq) { return __internal__contract__oplogGet(this.pubkey, seq) }
}
export const index = new ContractIndex(pubkeyOf)
export let isWriter = typeof oplogOf === 'string'
export let oplog = isWriter ? new ContractOplog(oplogOf) : undefined
export function listOplogs () { return __internal__contract__oplogListPubkeys().map(pubkey => new ContractOplog(pubkey)) }
