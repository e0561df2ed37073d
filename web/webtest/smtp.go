package webtest

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// A Letter is a mail that a MailServer took.
type Letter struct{ To, From, Subject, Body string }

// A MailServer takes mails over SMTP on this machine and keeps them.
type MailServer struct {
	URL string

	mu      sync.Mutex
	letters []Letter
	heard   []string
	refuse  string // answer to RCPT in the place of 250
}

// StartMail starts a MailServer for the length of a test.
func StartMail(t testing.TB) *MailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s := &MailServer{URL: "smtp://" + l.Addr().String()}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

// Refuse lets the server answer each receiver with this line; empty: it takes mails again.
func (s *MailServer) Refuse(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = line
}

// Take gives the mails that came since the last time.
func (s *MailServer) Take() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.letters
	s.letters = nil
	return out
}

// Heard gives the lines that clients said, texts of mails left out.
func (s *MailServer) Heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

func (s *MailServer) talk(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	say := func(line string) { _, _ = fmt.Fprintf(c, "%s\r\n", line) }
	say("220 mail.test ESMTP")
	to := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		s.mu.Lock()
		s.heard = append(s.heard, strings.TrimSpace(line))
		s.mu.Unlock()
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-mail.test")
			say("250-8BITMIME")
			say("250 AUTH PLAIN LOGIN")
		case "AUTH":
			say("235 welcome")
		case "RCPT":
			s.mu.Lock()
			refuse := s.refuse
			s.mu.Unlock()
			if refuse != "" {
				say(refuse)
				continue
			}
			_, rest, _ = strings.Cut(rest, "<")
			to, _, _ = strings.Cut(rest, ">")
			say("250 ok")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			if letter, err := read(text.String()); err == nil {
				letter.To = to
				s.mu.Lock()
				s.letters = append(s.letters, letter)
				s.mu.Unlock()
				say("250 taken")
			} else {
				say("554 that is no mail: " + err.Error())
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func read(text string) (Letter, error) {
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return Letter{}, err
	}
	var body io.Reader = m.Body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return Letter{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	return Letter{From: m.Header.Get("From"), Subject: subject, Body: strings.ReplaceAll(string(content), "\r\n", "\n")}, err
}
