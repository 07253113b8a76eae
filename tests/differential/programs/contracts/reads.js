// index.get and index.list.

// name: get-shapes
// state: {"/a":1,"/b/c":{"x":[1,null,"s"]},"/b":"both"}
import { index } from 'contract'
export const apply = { async RUN (tx) { const out = []; for (const p of ['/a', 'a', '/a/', '//a', '/b', '/b/c', 'b//c', '/none', '', '/']) out.push(await index.get(p)); tx.put('/v', out) } }
// name: get-missing-is-undefined
import { index } from 'contract'
export const apply = { async RUN (tx) { const e = await index.get('/x'); tx.put('/v', [e === undefined, typeof e]) } }
// name: get-key-order
// state: {"/a":{"z":1,"a":2,"10":3,"9":4}}
import { index } from 'contract'
export const apply = { async RUN (tx) { const e = await index.get('/a'); tx.put('/v', [Object.keys(e), Object.keys(e.value)]) } }
// name: list-root
// state: {"/b/c":1,"/b/d":2,"/a":3,"/e":4,"/f/g/h":5}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', await index.list('/')) } }
// name: list-default
// state: {"/b/c":1,"/a":3}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', [await index.list(), await index.list('')]) } }
// name: list-nested
// state: {"/b/c":1,"/b/d/e":2,"/b/f":3,"/bb":4,"/b":5}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', [await index.list('/b'), await index.list('b/'), await index.list('/b/d'), await index.list('/none'), await index.list('/b/c')]) } }
// name: list-leaf-and-container
// state: {"/b":1,"/b/c":2,"/c/d":3,"/c-x":4,"/c":5}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', await index.list('/')) } }
// name: list-options
// state: {"/a":1,"/b":2,"/c":3,"/d":4,"/e":5}
import { index } from 'contract'
export const apply = { async RUN (tx) { const out = []; for (const o of [{ reverse: true }, { limit: 2 }, { offset: 2 }, { offset: 1, limit: 2 }, { reverse: true, offset: 1, limit: 2 }, { limit: 0 }, { offset: -2 }, { limit: -1 }, { offset: 9 }, { limit: 1.5 }, { limit: '2' }, { offset: '1', limit: 2 }, {}, null, undefined, 5, { reverse: 0 }]) out.push((await index.list('/', o)).map((e) => e.name)); tx.put('/v', out) } }
// name: list-order
// state: {"/B":1,"/a":1,"/_":1,"/10":1,"/9":1,"/é":1,"/ÿ":1,"/-":1,"/a-b":1,"/a/b":1,"/a b":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await index.list('/')).map((e) => [e.name, e.container])) } }
// name: list-above-latin1
// state: {"/a":1,"/Ā":1,"/😀":1,"/z":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await index.list('/')).map((e) => e.name)) } }
// name: list-of-directory-above-latin1
// state: {"/d/a":1,"/d/Ā":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await index.list('/d')).map((e) => e.name)) } }
// name: list-parent-of-directory-above-latin1
// state: {"/d/a":1,"/d/Ā":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', (await index.list('/')).map((e) => e.name)) } }
// name: list-number-hangs
import { index } from 'contract'
export const apply = { async RUN (tx) { await index.list(5); tx.put('/v', 1) } }
// name: list-uncloneable-option
import { index } from 'contract'
export const apply = { async RUN (tx) { try { await index.list('/', { f () {} }) } catch (e) { tx.put('/v', e.name) } } }
// name: get-value-types
// state: {"/a":[null,true,1.5,"s",{"n":{}}],"/b":"","/c":0,"/d":false,"/e":null}
import { index } from 'contract'
export const apply = { async RUN (tx) { const out = []; for (const p of ['a', 'b', 'c', 'd', 'e']) out.push((await index.get(p)).value); tx.put('/v', out) } }
// name: get-string-object
import { index } from 'contract'
export const apply = { async RUN (tx) { await index.get(new String('/a')); tx.put('/v', 1) } }
// name: get-extra-arguments
// state: {"/a":1}
import { index } from 'contract'
export const apply = { async RUN (tx) { tx.put('/v', await index.get('/a', { checkout: 0 }, 5)) } }
// name: detached-methods
// state: {"/a":1}
import { index } from 'contract'
const { get, list } = index
export const apply = { async RUN (tx) { try { await get('/a') } catch (e) { tx.put('/v', e.name) } } }
