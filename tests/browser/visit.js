'use strict'
// Visits pages in Chromium, in light and dark, wide and as narrow as a phone, and prints what is wrong with each as JSON:
// messages on the console, requests that failed, text that does not fit, and what axe-core finds.
//
//   node visit.js '{"chromium": FILE, "libraries": PATH, "profile": DIR, "base": URL, "paths": […], "feeds": […], "shots": DIR or null}'

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { chromium } = require('playwright-core')

const task = JSON.parse(process.argv[2])
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1200, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1200, height: 900 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 360, height: 740 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 360, height: 740 } }
]

async function visit (context, look, path) {
  const wrong = []
  const page = await context.newPage()
  page.on('console', message => wrong.push(`console: ${message.type()}: ${message.text()}`))
  page.on('pageerror', error => wrong.push(`error: ${error}`))
  page.on('requestfailed', request => wrong.push(`failed: ${request.url()}`))
  page.on('request', request => {
    if (!request.url().startsWith(task.base)) wrong.push(`asks elsewhere: ${request.url()}`)
  })
  page.on('response', response => {
    if (response.status() >= 400 && response.url() !== task.base + path) wrong.push(`${response.status()}: ${response.url()}`)
  })
  await page.goto(task.base + path, { waitUntil: 'load' })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (wide > 0) wrong.push(`${wide} pixels too wide`)
  await page.evaluate(axe)
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  for (const violation of result.violations) {
    wrong.push(`axe: ${violation.id}: ${violation.nodes.map(node => node.html.slice(0, 200)).join(' | ')}`)
  }
  if (task.shots) {
    const name = `${look.name}${path.replace(/[^a-z0-9]+/gi, '-').slice(0, 40)}.png`
    await page.screenshot({ path: join(task.shots, name), fullPage: true })
  }
  await page.close()
  return { look: look.name, path, wrong, checks: result.passes.length }
}

// A feed or picture as a browser's XML parser reads it.
async function parse (context, path) {
  const page = await context.newPage()
  const text = await (await fetch(task.base + path)).text()
  const error = await page.evaluate(text => {
    const document = new DOMParser().parseFromString(text, 'application/xml')
    return document.querySelector('parsererror')?.textContent ?? null
  }, text)
  await page.close()
  return { look: 'xml', path, wrong: error ? [error] : [], checks: 1 }
}

async function main () {
  const results = []
  for (const look of LOOKS) {
    const context = await chromium.launchPersistentContext(join(task.profile, look.name), {
      executablePath: task.chromium,
      headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
      env: { ...process.env, LD_LIBRARY_PATH: task.libraries },
      colorScheme: look.colorScheme,
      viewport: look.viewport,
      timeout: 120000
    })
    context.setDefaultTimeout(120000)
    for (const path of task.paths) results.push(await visit(context, look, path))
    if (look.name === 'light') {
      for (const path of task.feeds) results.push(await parse(context, path))
    }
    await context.close()
  }
  console.log(JSON.stringify(results))
}

main().catch(error => { console.error(error); process.exitCode = 1 })
