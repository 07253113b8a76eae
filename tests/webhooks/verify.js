// Verifies a webhook as its receiver would. The file named has {headers, body, secret, public}. The HMAC by the reference
// implementation, ed25519 (which it does not know) by Node's own crypto.
const { createPublicKey, verify } = require('crypto')
const { Webhook } = require('standardwebhooks')

const { headers, body, secret, public: whpk } = JSON.parse(require('fs').readFileSync(process.argv[2]))
const alert = new Webhook(secret).verify(body, headers)

const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(whpk.replace(/^whpk_/, ''), 'base64')])
const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
const signatures = headers['webhook-signature'].split(' ').filter(one => one.startsWith('v1a,'))
const good = signatures.some(one => verify(null, signed, key, Buffer.from(one.slice(4), 'base64')))

console.log(JSON.stringify({ id: alert.id, ed25519: good }))
