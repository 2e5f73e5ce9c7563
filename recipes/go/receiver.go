// A receiver of AI Rudder's callbacks, with nothing but Go 1.19: `go run receiver.go`
//
// It verifies signatures over the raw bytes, processes each event once, and responds before it works. When a user asks
// for a person, it accepts the conversation. Try it with `airudder-mock run story.toml -- go run receiver.go`.
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

var (
	port     = env("PORT", "3000")
	airudder = env("AIRUDDER_MOCK_URL", "http://127.0.0.1:2478")
	key      = env("AIRUDDER_MOCK_SIGN_KEY", "a17d0de2a17d0de2a17d0de2a17d0de2") // names the secret
	secret   = env("AIRUDDER_MOCK_SECRET", "airudder-mock-secret")
	secrets  = []string{secret, env("AIRUDDER_MOCK_NEXT_SECRET", secret)} // both valid while the secret is rotated
	events   = env("EVENTS", "events")                                    // in your code: a table with a unique key
	client   = http.Client{Timeout: 10 * time.Second}
)

func sign(raw []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(raw)
	return hex.EncodeToString(mac.Sum(nil))
}

func isGenuine(raw []byte, given string) bool {
	for _, secret := range secrets {
		if hmac.Equal([]byte(sign(raw, secret)), []byte(given)) {
			return true
		}
	}
	return false
}

// Returns nothing if it is not an event.
func parsed(raw []byte) map[string]any {
	var event map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // as they were written
	if decoder.Decode(&event) != nil {
		return nil
	}
	return event
}

// The vendor does not sign callbacks of calls, tasks, workflows, the dialer and SMS, so anyone can send one. Chatbot
// callbacks are signed, and name their event; so is the end of a chat in a workflow.
func isNotice(event map[string]any) bool {
	_, isNamed := event["event"]
	_, isEnd := event["session_end_reason"]
	return event != nil && !isNamed && !isEnd
}

// Stores an event, and says whether it is new: the vendor repeats a callback without a timely response.
func take(event map[string]any) (bool, error) {
	text, err := json.Marshal(event) // with its keys sorted
	if err != nil {
		return false, err
	}
	name := sha256.Sum256(text)
	path := filepath.Join(events, hex.EncodeToString(name[:]))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // check and record in one step: two may arrive at once
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Close()
	}
	return true, err
}

// Runs after the response, which does not wait for it.
func work(event map[string]any) {
	transfer, _ := event["transfer"].(map[string]any)
	callID, _ := transfer["call_id"].(string)
	if event["event"] != "session.transfer" || callID == "" {
		return
	}
	body, _ := json.Marshal(map[string]string{"call_id": callID, "result": "accepted"})
	for _, pause := range []time.Duration{500 * time.Millisecond, time.Second, 0} { // the vendor may be down for a moment
		request, err := http.NewRequest("POST", airudder+"/api/v1/session/transfer_result", bytes.NewReader(body))
		if err != nil {
			log.Fatal("AIRUDDER_MOCK_URL: ", err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-AIRudder-Sign-Key", key)
		request.Header.Set("X-AIRudder-Sign", sign(body, secret))
		if response, err := client.Do(request); err != nil {
			log.Print("not accepted ", callID, ": ", err)
		} else {
			response.Body.Close()
			log.Print("answered ", callID, " ", response.StatusCode)
			if response.StatusCode < 500 { // a refusal is final
				return
			}
		}
		time.Sleep(pause)
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

func hook(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<20)) // the raw bytes, before any parser
	if err != nil {
		answer(w, 400, `{"error":"the request broke off, or is too large"}`)
		return
	}
	given := strings.Join(r.Header.Values("X-AIRudder-Sign"), ", ") // two signatures are never right
	event := parsed(raw)
	if !isGenuine(raw, given) && (given != "" || !isNotice(event)) {
		answer(w, 401, `{"error":"wrong signature"}`)
		return
	}
	if event == nil {
		answer(w, 400, `{"error":"not an event"}`)
		return
	}
	isNew, err := take(event)
	if err != nil {
		log.Print("not taken: ", err)
		answer(w, 500, `{"error":"not taken"}`) // it is sent again
		return
	}
	answer(w, 200, "{}")
	if isNew {
		go work(event)
	}
}

// How many events were accepted, for `airudder-mock audit --probe`.
func probe(w http.ResponseWriter, _ *http.Request) {
	taken, _ := os.ReadDir(events)
	answer(w, 200, fmt.Sprintf(`{"worked":%d}`, len(taken)))
}

func main() {
	if err := os.MkdirAll(events, 0o700); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/callbacks", hook)
	http.HandleFunc("/probe", probe)
	server := http.Server{Addr: "127.0.0.1:" + port, ReadTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}
