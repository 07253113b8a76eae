// Runs contracts in the real runtime: vitra-confine-runtime 0.5.1 on the isolated-vm of its time.
//
//   node-15.14 run-confine.js cases.json | - | --programs [prefix]
//
// Input: a list of {name, source, op | opHex, ack?, state?}; `op` and the values of `state` are plain JSON, `opHex` the
// msgpack bytes of an oplog block, `ack` replaces fields of the ack that apply() is given.
// Output: a line of JSON a case, {name, ok, error, changes: [[type, path, value]...], count}: the changes as Vitra's
// executor puts them into a batch (sorted), values in tagged JSON (lib/tagged.js). `error` is the text that the ack would
// get, or "!compile: ...", "!evaluate: ...", "!hang" (nothing for 4 seconds, CASE_TIMEOUT in ms), "!died" (the runtime's
// process ended), "!undecodable: ..." (an operation that is no msgpack; Vitra's executor dies of it).
//
// The runtime lives in a child process, as in Vitra. Every value crosses between the two as msgpackr bytes, in both
// directions, so that an operation is packed twice before the contract sees it.
'use strict'
const path = require('path')
const { fork } = require('child_process')
const { pack, unpack } = require('msgpackr')
const { runAll, readInput, caseRunner } = require('./lib/host')

const start = () => fork(path.join(__dirname, 'lib/confine-child.js'), {
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' }
})

runAll(readInput(), start, { timeout: Number(process.env.CASE_TIMEOUT || 4000), run: caseRunner({ pack, unpack }) })
