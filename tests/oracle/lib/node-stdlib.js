// The modules that a contract can import, for run-node.js.
'use strict'

exports.stdlib = {
  __proto__: null,
  assert: `
    const check = __internal__assert
    export default check
    export { check as ok }
    export const deepEqual = __internal__assert__deepEqual
    export const equal = __internal__assert__equal
    export const fail = __internal__assert__fail
    export const notDeepEqual = __internal__assert__notDeepEqual
    export const notEqual = __internal__assert__notEqual`,
  contract: `
    const pubkey = '${'cd'.repeat(32)}'
    const oplogPubkey = '${'ef'.repeat(32)}'
    const get = __internal__contract__indexGet
    const list = __internal__contract__indexList
    class ContractIndex {
      constructor () { this.pubkey = pubkey }
      list (prefix, opts) { return list(this.pubkey, prefix, opts) }
      get (key) { return get(this.pubkey, key) }
    }
    class ContractOplog {
      constructor () { this.pubkey = oplogPubkey }
    }
    export const isWriter = true
    export const index = new ContractIndex()
    export const oplog = new ContractOplog()
    export const listOplogs = () => []`,
  util: `
    export const genUUID = () => '00000000-0000-4000-8000-000000000000'`
}
