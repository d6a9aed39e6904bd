import { UNLIKE } from '../bookmark-store/ordered-bookmark.ts'

/**
 * `KEYS`: the bookmark, the doubt beside it, and since when this very server keeps bookmarks. `ARGV`: for how many milliseconds.
 * A server that was started, or promoted, less long ago may have lost some, or have been away when they were put. Answers with the doubt and the
 * bookmark.
 */
export const GET = `
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local server = (string.match(info, 'run_id:(%w+)') or '') .. (string.match(info, 'master_replid:(%w+)') or '')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mark = redis.call('GET', KEYS[3])
local since = now
if mark and string.sub(mark, 1, #server + 1) == server .. ' ' then
  since = tonumber(string.sub(mark, #server + 2)) or now
else
  redis.call('SET', KEYS[3], server .. ' ' .. string.format('%.0f', now))
end
local doubt = redis.call('GET', KEYS[2])
if now - since < tonumber(ARGV[1]) then doubt = doubt or 'unknown' end
return { doubt, redis.call('GET', KEYS[1]) }
`

/**
 * `KEYS`: the bookmark, and the doubt beside it. `ARGV`: the new one, how those that it can be compared with begin, and for how
 * many milliseconds it is kept. Of two of one timeline the later position is kept, and what is certain of either: the last 16 digits. What it
 * cannot be compared with goes, and is doubted for as long.
 */
export const PUT: string = `
local kept = redis.call('GET', KEYS[1])
local alike = kept and string.sub(kept, 1, #ARGV[2]) == ARGV[2]
if kept and not alike then redis.call('SET', KEYS[2], '${UNLIKE}', 'PX', ARGV[3]) end
local later, earlier = ARGV[1], ARGV[1]
if alike and kept > later then later = kept elseif alike then earlier = kept end
if string.sub(later, 1, -34) == string.sub(earlier, 1, -34) and string.sub(later, -16) < string.sub(earlier, -16) then
  later = string.sub(later, 1, -17) .. string.sub(earlier, -16)
end
redis.call('SET', KEYS[1], later, 'PX', ARGV[3])
return 1
`

/** `KEYS`: the doubt. `ARGV`: the new one, and for how many milliseconds. */
export const PUT_DOUBT = `
local kept, later = redis.call('GET', KEYS[1]), ARGV[1]
if kept and kept > later then later = kept end
return redis.call('SET', KEYS[1], later, 'PX', ARGV[2])
`
