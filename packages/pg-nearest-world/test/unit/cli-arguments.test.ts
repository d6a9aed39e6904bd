import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const parse = (line: string): ReturnType<typeof parseArguments> => parseArguments(line.split(' '))

describe('parseArguments', () => {
  test.each([
    ['--primary nrt', { primary: 'nrt', replicas: [] }],
    ['--primary nrt --replicas ord,syd', { primary: 'nrt', replicas: ['ord', 'syd'] }],
    ['--primary=nrt --replicas ord --replicas syd', { primary: 'nrt', replicas: ['ord', 'syd'] }],
    ['--primary nrt --replicas ord,,syd,', { primary: 'nrt', replicas: ['ord', 'syd'] }],
    ['--primary a --postgres 16', { primary: 'a', replicas: [], version: 16 }],
    ['--primary a --rtt 100', { primary: 'a', replicas: [], rtt: 100 }],
    ['--primary a --rtt 0.1s', { primary: 'a', replicas: [], rtt: 100 }],
    ['--primary a --replicas b --rtt a-b=1s', { primary: 'a', replicas: ['b'], rtt: { 'a-b': 1000 } }],
    [
      '--primary a --replicas b,c --rtt a-b=128 --rtt a-c=0',
      { primary: 'a', replicas: ['b', 'c'], rtt: { 'a-b': 128, 'a-c': 0 } },
    ],
    ['--primary a --ports 5500', { primary: 'a', replicas: [], ports: 5500 }],
    [
      '--primary a --binaries /opt/pg --database shop',
      { primary: 'a', replicas: [], binaries: '/opt/pg', database: 'shop' },
    ],
  ])('%s', (line, world) => {
    expect(parse(line)).toEqual({
      kind: 'start',
      world,
      region: undefined,
      envFile: undefined,
      json: false,
      page: false,
      host: undefined,
      app: undefined,
    })
  })

  test('what is printed', () => {
    expect(parse('--primary nrt --replicas ord --json')).toMatchObject({ kind: 'start', json: true })
    expect(parse('--primary nrt --replicas ord --region ord')).toMatchObject({ kind: 'start', region: 'ord' })
    expect(parse('--primary nrt --region nrt --write-env .env')).toMatchObject({ region: 'nrt', envFile: '.env' })
  })

  test('a page', () => {
    expect(parse('--page')).toMatchObject({
      page: true,
      world: { primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] },
    })
    expect(parse('--page --primary ams')).toMatchObject({ page: true, world: { primary: 'ams', replicas: [] } })
    expect(parse('--page --host 0.0.0.0')).toMatchObject({ page: true, host: '0.0.0.0' })
  })

  test.each([
    [['--app', 'npm start'], ['nrt', 'ord', 'syd'], { command: 'npm start', port: 0, watch: false }],
    [['--app', 'x', '--primary', 'a'], ['a'], { command: 'x', port: 0, watch: false }],
    [['--app', 'x', '--port', '8080', '--watch'], ['nrt', 'ord', 'syd'], { command: 'x', port: 8080, watch: true }],
  ])('an app: %j', (argv, [primary, ...replicas], app) => {
    expect(parseArguments(argv)).toMatchObject({ app, world: { primary, replicas } })
  })

  test.each([
    ['--help', 'help'],
    ['-h --primary nrt', 'help'],
    ['--version', 'version'],
    ['-v', 'version'],
  ])('%s', (line, kind) => {
    expect(parse(line)).toEqual({ kind })
  })

  test.each([
    ['--primary nrt --host 0.0.0.0', '--host is where the page listens, and goes with --page.'],
    ['--page --host=', '--host is empty. Name an address of this machine, such as 0.0.0.0.'],
    ['--replicas ord', '--primary is missing. Name its region: --primary nrt --replicas ord,syd'],
    ['--primary nrt ord', '"ord" stands alone. Put regions behind --primary and --replicas.'],
    ['--primary nrt --replica ord', 'There is no option --replica. Did you mean --replicas?'],
    ['--primray nrt', 'There is no option --primray. Did you mean --primary?'],
    ['--primary nrt --colour', 'There is no option --colour. See --help.'],
    ['-x', 'There is no option --x. See --help.'],
    ['--primary nrt --region ord', "--region must be one of this world's regions: nrt."],
    ['--primary nrt --watch', "--watch goes with --app, as in --app 'npm start'"],
    ['--primary nrt --port 80', "--port goes with --app, as in --app 'npm start'"],
    ['--app=', "--app is empty. Name the command that starts your app: --app 'npm start'"],
    ['--app x --port web', '--port must be a port\'s number, and "web" is none.'],
    ['--app x --port 70000', '--port must be a port\'s number, and "70000" is none.'],
    ['--app x --replicas ord', '--primary is missing. Name its region: --primary nrt --replicas ord,syd'],
    ['--primary nrt --postgres 14', '--postgres must be one of 15, 16, 17, 18, and "14" is none.'],
    ['--primary nrt --postgres 16.14', '--postgres must be one of 15, 16, 17, 18, and "16.14" is none.'],
    ['--primary nrt --rtt ,', '--rtt is empty. Write --rtt 100, or --rtt nrt-ord=128,nrt-syd=137'],
    ['--primary nrt --rtt far', '"far" is not a length of time. Write 300, 250ms, 5s or 2m.'],
    ['--primary nrt --rtt=-5', '"-5" is not a length of time. Write 300, 250ms, 5s or 2m.'],
    [
      '--primary nrt --write-env .env',
      '--write-env needs to know whose variables: name the app’s region with --region.',
    ],
    ['--app x --write-env .env', '--write-env does not go with --app, which hands each copy its variables.'],
    ['--primary nrt --ports 80', '--ports must be the first of some ports, from 1024 to 65000: "80" is none.'],
    ['--primary nrt --ports many', '--ports must be the first of some ports, from 1024 to 65000: "many" is none.'],
    [
      '--primary nrt --replicas ord --rtt nrt-odr=1',
      '--rtt nrt-odr=1: there is no region "odr" in this world. Did you mean ord?',
    ],
    ['--primary nrt --rtt nrt-syd=1', '--rtt nrt-syd=1: there is no region "syd" in this world. It has nrt.'],
    ['--primary nrt --replicas ord --rtt nrt-ord=1 --rtt nrt-ord=2', '--rtt gives the pair nrt-ord twice.'],
    [
      '--primary nrt --rtt 100,200',
      '--rtt 100: write one time for all pairs, or pairs such as nrt-ord=128,nrt-syd=137',
    ],
    [
      '--primary nrt --replicas ord --rtt nrt-ord=1,5',
      '--rtt 5: write one time for all pairs, or pairs such as nrt-ord=128,nrt-syd=137',
    ],
  ])('%s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(new UsageError(message))
  })

  test('an option without its value is refused in one line', () => {
    expect(() => parse('--primary')).toThrow(new UsageError('--primary needs a value behind it. See --help.'))
    expect(() => parse('--primary nrt --write-env')).toThrow('--write-env needs a value behind it.')
  })
})
