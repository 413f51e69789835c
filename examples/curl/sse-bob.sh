#!/bin/sh
# Bob is called over Server-Sent Events: sse-bob.sh [ROOM] [URL]
room=${1:-demo} url=${2:-http://127.0.0.1:8080}
key=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')   # only he knows it: it is his session

upload() { curl -sS -d "{\"key\":\"$key\",$1}" "$url/v1/send" >/dev/null; }

# One request opens the session, joins the room and streams what happens there, until he leaves.
curl -sSN -d "{\"key\":\"$key\",\"open\":{\"room\":\"$room\",\"name\":\"bob\"},\"turn\":1}" "$url/v1/sse" |
while read -r line; do
  case $line in
  'id: '*) id=${line#id: } ;;             # the number of the event that follows
  'data: {"type"'*)
    event=${line#data: }
    echo "bob hears $event"
    upload "\"ack\":$id"                  # it has arrived, the server may forget it
    case $event in
    '{"type":"offer"'*)                   # the answer, and a candidate of his own
      upload '"messages":[{"n":1,"type":"answer","data":{"sdp":"v=0 of bob"}},
                          {"n":2,"type":"candidate","data":{"candidate":"1 of bob"}}]' ;;
    '{"type":"bye"'*) upload '"messages":[{"n":3,"type":"leave"}]' ;;
    esac ;;
  esac
done
