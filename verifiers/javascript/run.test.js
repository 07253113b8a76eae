// What runs behind the lock, and what does not. Run with `node --test` or alone; without a lock that works it is skipped.

import assert from 'node:assert'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { runWith } from './run.js'

// What stands behind the lock is tried here; that the reference runtimes confirm it, `cargo test --test verifiers` tries.
const run = runWith({ confirm: async () => {} })
const tree = { get: () => null, root: null }
const operation = (source) => ({ source, op: { op: 'A', v: 1 }, ack: { origin: '0'.repeat(64), seq: 0, ts: 1700000000000 }, tree })
let locked = true
try { await run(operation('export const apply = {}')) } catch (error) {
  if (!error.message.startsWith('the contract is not run')) throw error
  locked = false
}

const DECIDED = {
  good: `import {index} from 'contract'\nexport const apply={async A(tx,op,ack){const e=await index.get('/x'); tx.put('/a/'+op.v,[e,ack.ts,new Date(ack.ts).toISOString()])}}`,
  good2: `import {index} from 'contract'\nexport const apply=async (tx,op)=>{ const l=await index.list('/x'); tx.put('a', l); tx.delete('/b/'); tx.addOplog({pubkey:'ab'.repeat(32)})}`,
  throws: `export const apply={A(){throw new Error('no')}}`,
  micro: `export const apply={A(tx){ Promise.resolve().then(()=>0).then(()=>tx.put('/m',1)); tx.put('/a',1)}}`
}

const UNDECIDED = {
  late: `import {index} from 'contract'\nexport const apply={A(tx){ index.get('/x').then(()=>tx.put('/late',1)); tx.put('/a',1)}}`,
  never: `export const apply={A(){return new Promise(()=>{})}}`,
  memory: `export const apply={A(){const a=[];for(;;)a.push(new Array(100000).fill(0))}}`,
  buffers: `export const apply={A(){const a=[];for(;;)a.push(new Uint8Array(100000000).fill(1))}}`,
  escape: `export const apply={A(tx){const p=(()=>0).constructor('return process')(); tx.put('/a',String(p))}}`,
  escape2: `import {index} from 'contract'\nexport const apply={async A(tx){ const F=Object.getPrototypeOf(Object.getPrototypeOf(index.get)); const p=index.get('x'); let e; try { null.x } catch (x) { e=x } tx.put('/a', typeof p.constructor.constructor) }}`,
  clock: `export const apply={A(tx){tx.put('/a',Date.now())}}`,
  halfCharacter: `export const apply={A(tx){tx.put('/a','x'.repeat(70)+'\\ud800')}}`,
  halfKey: `export const apply={A(tx){tx.put('/a',{['k\\ud800']:1})}}`,
  halfPath: `export const apply={A(tx){tx.put('/a\\ud800',1)}}`,
  lateDate: `export const apply={A(tx){tx.put('/a',new Date(5e12))}}`,
  ownConstructor: `export const apply={A(tx){tx.put('/a',[{constructor:1}])}}`,
  manyKeys: `export const apply={A(tx){const o={};for(let i=0;i<65536;i++)o['k'+i]=1;tx.put('/a',o)}}`,
  stack: `export const apply={A(tx){const f=()=>f()+1;f()}}`,
  junk: `this is not js`
}

test('operations that are decided', { skip: !locked }, async () => {
  for (const [name, source] of Object.entries(DECIDED)) {
    const { success, changes } = await run(operation(source))
    assert.deepEqual([success, changes.length > 0], [name !== 'throws', name !== 'throws'], name)
  }
})

test('operations that decide nothing', { skip: !locked }, async () => {
  for (const [name, source] of Object.entries(UNDECIDED)) await assert.rejects(run(operation(source)), { name: 'Undecided' }, name)
})

test('nothing runs without a lock', async () => {
  const server = createServer((socket) => socket.destroy())
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const guest = fileURLToPath(new URL('./guest.js', import.meta.url))
  const child = spawn(process.execPath, ['--experimental-vm-modules', guest], { stdio: ['pipe', 'pipe', 'ignore'] })
  const bytes = serialize({ ...operation('export const apply = { A (tx) { tx.put("/a", 1) } }'), tree: null, port: server.address().port })
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  child.stdin.write(Buffer.concat([size, bytes]))
  let output = Buffer.alloc(0)
  for await (const chunk of child.stdout) output = Buffer.concat([output, chunk])
  server.close()
  assert.equal(deserialize(output.subarray(4)).undecided, 'its process is not locked away from files and network')
})
