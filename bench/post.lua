-- wrk: one POST, again and again.  BENCH_BODY and BENCH_TOKEN say which.
-- Anything but status 200 is counted and said, so that no error is fast.

wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Content-Type"] = "application/json"

if os.getenv("BENCH_TOKEN") then
    wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("RESULT %.1f %d %d %d\n",
        summary.requests / (summary.duration / 1e6),
        errors.status + errors.connect + errors.read + errors.write
            + errors.timeout,
        latency:percentile(99), summary.requests))
end
