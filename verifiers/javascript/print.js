// A result, for people.

const person = ({ role, key, or }) =>
  (role === 'executor' ? 'the executor' : `the owner of oplog ${key}`) + (or ? ` or ${person(or)}` : '')

const place = ({ kind, seq }) => `${kind}${seq === null ? '' : ` at block ${seq}`}`

// What a stranger wrote, on one line.
const text = (value) => {
  const json = JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return `${item}n`
    // What a buffer has become by now.
    if (item?.type === 'Buffer' && Array.isArray(item.data)) return Buffer.from(item.data).toString('hex')
    return item
  }) ?? 'undefined'
  // eslint-disable-next-line no-control-regex
  return json.replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function * violation ({ finding }) {
  yield ['convicts', person(finding.accused)]
  yield ['of', `${place(finding)} of log ${finding.log}`]
  yield ['because', finding.message]
}

function * rebuttal ({ rebuttal: { proof, finding, instead, longer } }) {
  yield ['clears', `the executor of ${place(finding)}`]
  yield ['proof', `${proof} said so`]
  if (instead) {
    yield ['convicts', person(instead.accused)]
    yield ['because', instead.message]
  } else yield ['because', `the head of length ${longer} shows how the log goes on`]
}

function * inclusion ({ inclusion: { log, seq, length, operation, result } }) {
  yield ['shows', `block ${seq} of log ${log}, signed at length ${length}`]
  if (operation !== null) yield ['operation', text(operation)]
  if (!result) return
  yield ['result', `${result.success ? 'succeeded' : 'failed'}, with the ack at block ${result.seq} of the index`]
  for (const { type, path, value } of result.changes) {
    yield ['change', `${type} ${text(path).slice(1, -1)}${type === 'put' ? ` = ${text(value)}` : ''}`]
  }
  if (result.until === 'head-end') yield ['but', 'a longer head may hold more changes']
  if (result.guarded) return
  yield ['but', 'the contracts so far are not shown to keep to the guard: this ack may be a change that another operation wrote']
}

const LINES = { violation, rebuttal, inclusion }

export function print (name, result) {
  const { status, proof, database, checks = [], why } = result
  console.log(name)
  const line = (title, words) => console.log(`  ${title.padEnd(10)} ${words}`)
  if (proof) {
    line('proof', proof)
    line('database', database)
  }
  for (const [title, words] of LINES[result.shows]?.(result) ?? []) line(title, words)
  for (const check of checks) line('checked', check)
  console.log(`  ${status.replace('_', ' ')}${why ? `: ${why}` : ''}`)
}

export function json (name, result) {
  const proven = ['PROVEN', 'REBUTTED', 'INCLUDED'].includes(result.status)
  return text({ file: name, proven, malformed: result.status === 'MALFORMED', ...result })
}
