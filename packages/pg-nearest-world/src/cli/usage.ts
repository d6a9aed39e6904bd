/** What `--help` prints. */
export const usage = `A real multi-region PostgreSQL on this machine: a primary, streaming replicas, and an ocean between them.

Usage: pg-nearest-world --primary <region> [--replicas <region,...>] [options]
       pg-nearest-world --page [options]
       pg-nearest-world --app <command> [options]

  --primary <region>    where the primary stands, such as nrt
  --replicas <regions>  where its replicas stand, such as ord,syd
  --region <region>     print the variables of an app in this region only
  --write-env <file>    write them to this file, for as long as the world runs: --region ord --write-env .env
  --ports <first>       fixed ports, so that the URLs are the same each time: 5500, 5501 … (any that are free)
  --rtt <time>          one round trip for every pair of regions, such as 100 or 100ms
  --rtt <pair=time,...> or one for each pair: nrt-ord=128,nrt-syd=137
  --postgres <major>    PostgreSQL's major: 15, 16, 17 or 18 ($PG_NEAREST_WORLD_VERSION, or 18, the only one that comes along)
  --binaries <folder>   PostgreSQL's programs, instead of the ones from npm
  --database <name>     the database's name (app)
  --page                serve a page that shows the world, and on which you break it, to this machine alone; without
                        --primary with nrt, ord, syd, atl and ams
  --host <address>      serve the page there, such as 0.0.0.0: whoever opens the address that is printed, with its key,
                        may break the world, and nobody else
  --app <command>       run this in each region, such as 'npm start', behind a proxy that stands in for Fly's; without
                        --primary in nrt, ord and syd
  --port <port>         the proxy's (one that is free)
  --watch               start the app again when a file in this folder changes
  --json                print one JSON object with every region, its URLs and its variables
  -h, --help            this text
  -v, --version         the version

Without --rtt, regions of Fly.io are as far apart as they are in the world.
The URLs and variables are those of an ordinary role, which owns the database; the prompt's command superuser shows the
superuser's.
The world stays until quit, Ctrl-C or the end of this process, and leaves nothing behind. While it is up it takes
commands, from the keyboard or line by line from standard input: type help to see them.

Exit codes: 0 the world was up and has stopped, 1 it could not start, 2 the command line makes no sense.`
