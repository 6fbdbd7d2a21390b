// Debian's redigo and go-redis (gopkg.in/redis.v5): redigo PORT TOKEN
// Prints TAP.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "gopkg.in/redis.v5"
)

var (
	port  = os.Args[1]
	token = os.Args[2]
	addr  = "127.0.0.1:" + port
	count int
	bad   int
)

func test(name string, code func() error) {
	count++

	if err := code(); err != nil {
		bad++
		fmt.Printf("not ok %d - %s\n# %s\n", count, name,
			strings.ReplaceAll(err.Error(), "\n", "\n# "))
		return
	}

	fmt.Printf("ok %d - %s\n", count, name)
}

// What is not as it should be: pairs of got and want, as texts.
func equal(pairs ...interface{}) error {
	for i := 0; i < len(pairs); i += 2 {
		got, want := fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1])
		if got != want {
			return fmt.Errorf("%d: %q is not %q", i/2, got, want)
		}
	}

	return nil
}

func until(code func() bool) error {
	for i := 0; i < 1200; i++ {
		if code() {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}

	return errors.New("never")
}

func restart() error {
	words := strings.Fields(os.Getenv("KS_RESTART"))
	return exec.Command(words[0], words[1:]...).Run()
}

func dial(options ...redis.DialOption) (redis.Conn, error) {
	return redis.Dial("tcp", addr,
		append([]redis.DialOption{redis.DialPassword(token)}, options...)...)
}

func redigo() {
	pool := &redis.Pool{
		MaxIdle: 4, MaxActive: 16, Wait: true,
		Dial: func() (redis.Conn, error) { return dial() },
		TestOnBorrow: func(c redis.Conn, t time.Time) error {
			_, err := c.Do("PING")
			return err
		},
	}
	c := pool.Get()
	defer c.Close()
	c.Do("FLUSHALL")

	test("redigo: values", func() error {
		set, _ := redis.String(c.Do("SET", "s", "grüße", "EX", 100))
		get, _ := redis.String(c.Do("GET", "s"))
		_, none := redis.String(c.Do("GET", "none"))
		n, _ := redis.Int(c.Do("INCRBY", "n", 41))
		c.Do("HSET", redis.Args{}.Add("h").AddFlat(map[string]string{
			"a": "1", "b": "2"})...)
		h, _ := redis.StringMap(c.Do("HGETALL", "h"))
		z, _ := redis.Int(c.Do("ZADD", "z", 1.5, "one"))
		score, _ := redis.Float64(c.Do("ZSCORE", "z", "one"))
		return equal(set, "OK", get, "grüße", none, redis.ErrNil, n, 41,
			h, map[string]string{"a": "1", "b": "2"}, z, 1, score, 1.5)
	})

	test("redigo: a pipeline, a transaction, a script", func() error {
		for i := 0; i < 1000; i++ {
			c.Send("INCR", "p")
		}
		c.Flush()
		last := 0
		for i := 0; i < 1000; i++ {
			last, _ = redis.Int(c.Receive())
		}
		c.Send("MULTI")
		c.Send("SET", "t", 1)
		c.Send("INCR", "t")
		tx, err := redis.Values(c.Do("EXEC"))
		script := redis.NewScript(1, "return redis.call('GET', KEYS[1])")
		got, _ := redis.String(script.Do(c, "t"))
		_, wrong := c.Do("LPUSH", "t", "x")
		return equal(last, 1000, err, nil, tx, []interface{}{"OK", 2}, got, "2",
			strings.HasPrefix(wrong.Error(), "WRONGTYPE"), true)
	})

	test("redigo: messages", func() error {
		sub, err := dial()
		if err != nil {
			return err
		}
		defer sub.Close()
		ps := redis.PubSubConn{Conn: sub}
		ps.PSubscribe("ne*")
		if s, ok := ps.Receive().(redis.Subscription); !ok || s.Count != 1 {
			return errors.New("no subscription")
		}
		c.Do("PUBLISH", "news", "hello")
		m, _ := ps.Receive().(redis.Message)
		return equal(m.Channel, "news", m.Pattern, "ne*", string(m.Data),
			"hello")
	})

	test("redigo: many at once", func() error {
		var wait sync.WaitGroup
		for i := 0; i < 32; i++ {
			wait.Add(1)
			go func() {
				defer wait.Done()
				c := pool.Get()
				defer c.Close()
				for i := 0; i < 100; i++ {
					c.Do("INCR", "many")
				}
			}()
		}
		wait.Wait()
		n, _ := redis.Int(c.Do("GET", "many"))
		return equal(n, 3200)
	})

	test("redigo: a wrong password, and a database that is not there",
		func() error {
			_, wrong := redis.Dial("tcp", addr, redis.DialPassword("wrong"))
			_, none := dial(redis.DialDatabase(7))
			second, err := dial(redis.DialDatabase(1))
			if err != nil {
				return err
			}
			defer second.Close()
			n, _ := redis.Int(second.Do("DBSIZE"))
			return equal(strings.HasPrefix(wrong.Error(), "WRONGPASS"), true,
				none, "ERR DB index is out of range", n, 0)
		})

	test("redigo: it goes on when the server is started anew", func() error {
		c.Do("SET", "kept", "value")
		if err := restart(); err != nil {
			return err
		}
		return until(func() bool {
			c := pool.Get()
			defer c.Close()
			v, _ := redis.String(c.Do("GET", "kept"))
			return v == "value"
		})
	})
}

func goRedis() {
	c := goredis.NewClient(&goredis.Options{
		Addr: addr, Password: token, MaxRetries: 3})
	defer c.Close()
	c.FlushDb()

	test("go-redis: values", func() error {
		set := c.Set("s", "grüße", time.Minute).Val()
		_, none := c.Get("none").Result()
		c.HMSet("h", map[string]string{"a": "1"})
		c.ZAdd("z", goredis.Z{Score: 1.5, Member: "one"})
		c.RPush("l", "a", "b")
		c.GeoAdd("g", &goredis.GeoLocation{Name: "Berlin", Longitude: 13.4,
			Latitude: 52.5})
		geo := c.GeoRadius("g", 13, 52, &goredis.GeoRadiusQuery{
			Radius: 100, Unit: "km", WithDist: true}).Val()
		return equal(set, "OK", c.Get("s").Val(), "grüße", none, goredis.Nil,
			c.TTL("s").Val(), time.Minute, c.HGetAll("h").Val()["a"], "1",
			c.ZRangeWithScores("z", 0, -1).Val(), "[{1.5 one}]",
			c.BLPop(time.Second, "l").Val(), "[l a]",
			c.SetNX("s", "x", 0).Val(), false, len(geo), 1)
	})

	test("go-redis: pipelines, transactions, watched keys", func() error {
		var n *goredis.IntCmd
		_, err := c.TxPipelined(func(p *goredis.Pipeline) error {
			n = p.Incr("n")
			p.Expire("n", time.Hour)
			return nil
		})
		other := c.Watch(func(tx *goredis.Tx) error {
			c.Incr("n")
			_, err := tx.Pipelined(func(p *goredis.Pipeline) error {
				p.Set("n", "lost", 0)
				return nil
			})
			return err
		}, "n")
		script := goredis.NewScript("return {KEYS[1], ARGV[1]}")
		return equal(err, nil, n.Val(), 1, other, goredis.TxFailedErr,
			script.Run(c, []string{"k"}, "v").Val(), "[k v]")
	})

	test("go-redis: a scan, and messages", func() error {
		for i := 0; i < 200; i++ {
			c.Set(fmt.Sprint("scan:", i), i, 0)
		}
		seen := map[string]bool{}
		it := c.Scan(0, "scan:*", 50).Iterator()
		for it.Next() {
			seen[it.Val()] = true
		}
		sub, err := c.Subscribe("news")
		if err != nil {
			return err
		}
		defer sub.Close()
		c.Publish("news", "hello")
		m, err := sub.ReceiveMessage()
		return equal(err, nil, len(seen), 200, m.Payload, "hello")
	})

	test("go-redis: it goes on when the server is started anew", func() error {
		c.Set("kept", "value", 0)
		if err := restart(); err != nil {
			return err
		}
		return until(func() bool { return c.Get("kept").Val() == "value" })
	})
}

func main() {
	redigo()
	goRedis()
	fmt.Printf("1..%d\n", count)

	if bad != 0 {
		os.Exit(1)
	}
}
