-- For wrk: what a run measured, as one line of JSON; and requests that name many upstreams in turn, where
-- ATTACHE_BENCH_HOSTS says how many.

local hosts = tonumber(os.getenv("ATTACHE_BENCH_HOSTS") or "0")

if hosts > 0 then
    local port, turn, requests = os.getenv("ATTACHE_BENCH_PORT"), 0, {}

    init = function()
        for host = 1, hosts do
            local address = string.format("127.0.%d.%d:%s", 1 + math.floor(host / 250), 1 + host % 250, port)
            requests[host] = wrk.format(nil, nil, { ["Host"] = "proxy", ["X-Upstream-Host"] = address })
        end
    end

    request = function()
        turn = turn % hosts + 1
        return requests[turn]
    end
end

done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %f, "bytes": %d, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end
