// Runs the same cases as run-confine.js in the plain Node that runs this, any version from 15 on: the opinion of another
// V8. Same input, same output. The environment of the contract (globals, modules, cloning, dispatch) is imitated in
// lib/node-child.js, except for programs marked `runtime-only`; what crosses goes through msgpackr as in run-confine.js.
'use strict'
const path = require('path')
const { Worker } = require('worker_threads')
const { pack, unpack } = require('msgpackr')
const { runAll, readInput, caseRunner } = require('./lib/host')

// A fresh thread, hence a fresh realm, for each case.
const start = () => {
  const worker = new Worker(path.join(__dirname, 'lib/node-child.js'), {
    execArgv: ['--experimental-vm-modules', '--no-warnings'],
    stdout: true
  })
  worker.on('error', () => {}) // an exit follows
  worker.send = (message) => worker.postMessage(message)
  worker.kill = () => worker.terminate()
  return worker
}

process.env.TZ = 'UTC'
const run = caseRunner({ pack, unpack })
runAll(readInput().filter((c) => c['runtime-only'] === undefined), start, {
  timeout: Number(process.env.CASE_TIMEOUT || 4000),
  run: (child, one, finish) => run(child, one, (result) => finish(result, false))
})
