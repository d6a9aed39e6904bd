const SERVERS = `Servers (default: from the environment, as fly() of pg-nearest/fly does):
  --primary [region=]URL  the server that takes the writes
  --replica region=URL    a replica; once for each
  --discover              the machines that Fly's DNS lists, as
                          fly({ discover: true }) does; needs a Fly host name
                          and the primary's region. Default where both are set,
                          and no replica
  --cluster IDENTIFIER    as the option cluster: select system_identifier
                          from pg_control_system()
  --region CODE           where this runs
  --env-file FILE         read variables from a file first, named from this
                          folder. Node 20 looks for it by itself, too, and
                          ends with exit code 9 where there is none

In the environment: DATABASE_URL, PRIMARY_REGION, FLY_REGION or MY_REGION (or
your platform's, if a server is listed there), REPLICA_REGIONS=ord,syd,
DATABASE_URL_ORD … (without REPLICA_REGIONS, the regions that have such a
variable). Passwords are never printed.`

export const mainUsage = `pg-nearest: PostgreSQL in several regions

  pg-nearest status     each server's role, health, distance and lag, and which
                        one reads from here would use
  pg-nearest doctor     what is right and wrong with each server, and the
                        command that mends it
  pg-nearest bench      what a query costs from here, against every region
  pg-nearest wait       until every replica shows what the primary has now
  pg-nearest report     what the mode normal would have made of what was
                        observed
  pg-nearest dashboard  a page that shows the servers as they are, on this
                        machine alone

  pg-nearest <command> --help
  pg-nearest --version`

export const statusUsage: string = `pg-nearest status [options]

One row for each server. The arrow marks the one that reads from here would
use. lag: the bytes of WAL that it has not replayed. behind: what it shows is
at most so old. –: not known.

  --watch [SECONDS]       again and again, every 2 seconds or so many, until
                          Ctrl-C
  --json                  one JSON object (one for each line with --watch)
  --help

${SERVERS}

Exit code: 0 every server is up and in its place, 1 something is wrong,
2 bad usage, 3 no server answers.`

export const doctorUsage: string = `pg-nearest doctor [options]

Looks at each server: whether it answers, is what the list says, follows the
primary, keeps up, lets the role read, is as far as its region says, and what
stands in between; on Fly, which machines are stopped. Says why it matters, and
the command that mends it.

  --json                  one JSON object
  --help

${SERVERS}

Exit code: 0 all is well, 1 something is to be fixed, 2 bad usage, 3 no server
answers.`

export const benchUsage: string = `pg-nearest bench [options]

Runs the same query against every region, one after the other, and compares.

  --query SQL             default: select 1
  --time SECONDS          for each region, default 5
  --warmup SECONDS        before it, default 2
  --json                  figures as one JSON object
  --markdown              the table as Markdown
  --help

${SERVERS}

Needs tinybench: npm install tinybench
Exit code: 0 all were measured, 1 a region failed, 2 bad usage, 3 no region
could be measured.`

export const waitUsage: string = `pg-nearest wait [options]

Waits until every replica itself has said that it shows what the primary has
now: after a migration, in a release command or in CI.

  --timeout SECONDS       default 60
  --server NAME           only this one, as status names it; once for each
  --bookmark TEXT         this position, instead of the primary's
  --json                  one JSON object
  --help

${SERVERS}

Exit code: 0 all show it, 1 a server is missing, 2 bad usage, or no replica in
the list.`

export const reportUsage: string = `pg-nearest report [FILE or URL …]

Reads pool.status() as JSON from files, URLs (of a health check, say) or
standard input, and says what the mode normal would have made of all that ran
in the mode observe: how much a replica would have answered, whether it had
what it had to show, and the time that it would have saved. Those of several
processes are added up.

  --json                  the sum as one JSON object
  --help

Exit code: 0 done, 1 nothing was observed, 2 bad usage.`

export const dashboardUsage: string = `pg-nearest dashboard [options]

Serves a page on 127.0.0.1 that shows each server's role, health, distance and
lag, what is wrong and what to do about it, and failovers as they come; to this
machine alone unless --host says otherwise, and only to look at. What an app's
own pool does is shown by pg-nearest/dashboard in that app.

  --port NUMBER           default 4180, or one that is free
  --host ADDRESS          listen there, such as 0.0.0.0: whoever opens the
                          address that is printed, with the key in it, is let in
  --help

${SERVERS}

Needs pg-nearest-page: npm install pg-nearest-page
Exit code: 0 it was ended by Ctrl-C, 2 bad usage.`
