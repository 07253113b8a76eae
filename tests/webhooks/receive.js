// An HTTPS receiver on 127.0.0.1 that answers a line with a line: {"listen": {cert, key}} with its port, {"take": true} with what
// it has received since.
'use strict'
const fs = require('fs')
const https = require('https')

const taken = []
let server

function listen ({ cert, key }, done) {
  server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (piece) => { body += piece })
    request.on('end', () => {
      taken.push({ method: request.method, id: request.headers['webhook-id'], body: JSON.parse(body) })
      response.writeHead(204).end()
    })
  })
  server.listen(0, '127.0.0.1', () => done({ port: server.address().port }))
}

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line)
  const answer = (value) => console.log(JSON.stringify(value))
  if (command.listen) listen(command.listen, answer)
  else answer(taken.splice(0))
}).on('close', () => process.exit())
