#!/bin/sh
# Alice calls over Server-Sent Events: sse-alice.sh [ROOM] [URL]
room=${1:-demo} url=${2:-http://127.0.0.1:8080}
key=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')   # only she knows it: it is her session

upload() { curl -sS -d "{\"key\":\"$key\",$1}" "$url/v1/send" >/dev/null; }

# One request opens the session, joins the room and streams what happens there, until she leaves.
curl -sSN -d "{\"key\":\"$key\",\"open\":{\"room\":\"$room\",\"name\":\"alice\"},\"turn\":1}" "$url/v1/sse" |
while read -r line; do
  case $line in
  'id: '*) id=${line#id: } ;;             # the number of the event that follows
  'data: {"type"'*)
    event=${line#data: }
    echo "alice hears $event"
    upload "\"ack\":$id"                  # it has arrived, the server may forget it
    case $event in
    '{"type":"ready"'*)                   # both are there: the offer, and her candidates
      upload '"messages":[{"n":1,"type":"offer","data":{"sdp":"v=0 of alice"}},
                          {"n":2,"type":"candidate","data":{"candidate":"1 of alice"}},
                          {"n":3,"type":"candidate","data":{"candidate":"2 of alice"}}]' ;;
    '{"type":"candidate"'*)               # bob's comes after his answer: enough for today
      upload '"messages":[{"n":4,"type":"bye"},{"n":5,"type":"leave"}]' ;;
    esac ;;
  esac
done
