package auth

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"ruche/storage"
)

func request(t *testing.T, kind, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest("POST", "/api/v1/thing?from=query&status=query", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return r
}

func multipartBody(t *testing.T, fields [][2]string, file string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, f := range fields {
		if err := m.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	if file != "" {
		part, err := m.CreateFormFile("file", "bee.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.String()
}

func TestAFormMultipartAndJSONSayTheSame(t *testing.T) {
	fields := [][2]string{
		{"status", "hello & goodbye"}, {"media_ids[]", "1"}, {"media_ids[]", "2"}, {"sensitive", "true"}, {"limit", "20"},
		{"source[privacy]", "private"}, {"fields_attributes[0][name]", "job"}, {"fields_attributes[0][value]", "bees"}, {"fields_attributes[1][name]", "town"},
	}
	var pairs []string
	for _, f := range fields {
		pairs = append(pairs, strings.NewReplacer("&", "%26", " ", "+").Replace(f[0])+"="+strings.NewReplacer("&", "%26", " ", "+").Replace(f[1]))
	}
	multiKind, multi := multipartBody(t, fields, "")
	for name, tc := range map[string]struct{ kind, body string }{
		"form":      {"application/x-www-form-urlencoded", strings.Join(pairs, "&")},
		"multipart": {multiKind, multi},
		"json":      {"application/json; charset=utf-8", `{"status":"hello & goodbye","media_ids":["1",2],"sensitive":true,"limit":20,"poll":null,"source":{"privacy":"private"},"fields_attributes":[{"name":"job","value":"bees"},{"name":"town"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := Params(request(t, tc.kind, tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Str("status"); got != "hello & goodbye" {
				t.Errorf("status = %q", got)
			}
			if got := v.Str("from"); got != "query" {
				t.Errorf("the query's from = %q", got)
			}
			if got := v.IDs("media_ids"); !reflect.DeepEqual(got, []int64{1, 2}) {
				t.Errorf("media_ids = %v", got)
			}
			if !v.Bool("sensitive", false) || v.Int("limit", 5) != 20 || v.Str("source[privacy]") != "private" {
				t.Errorf("got %v", v.Values)
			}
			lines := v.Each("fields_attributes")
			if len(lines) != 2 || lines[0].Str("name") != "job" || lines[0].Str("value") != "bees" || lines[1].Str("name") != "town" {
				t.Errorf("fields_attributes = %v", lines)
			}
			if v.Given("poll") || !v.Given("source") || !v.Given("media_ids") {
				t.Errorf("given: poll %v, source %v, media_ids %v", v.Given("poll"), v.Given("source"), v.Given("media_ids"))
			}
			if err := v.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestListsComeInEverySpelling(t *testing.T) {
	for body, want := range map[string][]string{
		"a=1":                    {"1"},
		"a[]=1&a[]=2":            {"1", "2"},
		"a[1]=2&a[0]=1&a[10]=3":  {"1", "2", "3"},
		"a%5B%5D=1":              {"1"},
		"b=1":                    nil,
		"a[01]=1&a[x]=1&a[-1]=1": nil,
	} {
		v, err := Params(request(t, "application/x-www-form-urlencoded", body))
		if err != nil {
			t.Fatal(err)
		}
		if got := v.List("a"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	v, err := Params(request(t, "application/x-www-form-urlencoded", "o[][n]=1&o[][v]=2&o[][n]=3"))
	if err != nil {
		t.Fatal(err)
	}
	if each := v.Each("o"); len(each) != 2 || each[0].Str("v") != "2" || each[1].Str("n") != "3" {
		t.Errorf("o = %v", each)
	}
	v, err = Params(request(t, "application/json", `{"a":[]}`))
	if err != nil || !v.Given("a") || len(v.List("a")) != 0 {
		t.Errorf("an empty list is said: %v, %v", v, err)
	}
}

func TestAFaultNamesItsKey(t *testing.T) {
	for body, key := range map[string]string{
		"limit=many": "limit", "sensitive=perhaps": "sensitive", "ids[]=x": "ids", "ids[]=-4": "ids", "focus=NaN": "focus", "o[0][n]=x": "o[0][n]",
	} {
		v, err := Params(request(t, "application/x-www-form-urlencoded", body))
		if err != nil {
			t.Fatal(err)
		}
		v.Int("limit", 1)
		v.Bool("sensitive", false)
		v.IDs("ids")
		v.Float("focus", 0)
		for _, o := range v.Each("o") {
			o.Int("n", 0)
		}
		status, text := StatusOf(v.Err())
		if v.Err() == nil || status != http.StatusUnprocessableEntity || !strings.Contains(text, key+" ") {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

func TestBadBodiesAreRefusedWithTheirStatus(t *testing.T) {
	big, bigText := multipartBody(t, [][2]string{{"status", strings.Repeat("x", MaxBody+1)}}, "")
	upload, uploadText := multipartBody(t, nil, strings.Repeat("x", MaxBody+1))
	for name, tc := range map[string]struct {
		kind, body string
		want       int
	}{
		"malformed json":         {"application/json", `{"status":`, 400},
		"json with something on": {"application/json", `{} {}`, 400},
		"a json list":            {"application/json", `[1]`, 400},
		"deep json":              {"application/json", strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), 400},
		"wide json":              {"application/json", `{"a":[` + strings.Repeat("1,", 2000) + `1]}`, 400},
		"wide form":              {"application/x-www-form-urlencoded", strings.Repeat("a=1&", 2000), 400},
		"malformed form":         {"application/x-www-form-urlencoded", "a=%zz", 400},
		"malformed multipart":    {"multipart/form-data; boundary=x", "--x\r\nnonsense", 400},
		"no boundary":            {"multipart/form-data", "x", 400},
		"a large form":           {"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", MaxBody), 413},
		"a large text":           {big, bigText, 413},
		"a stranger's upload":    {upload, uploadText, 413},
		"xml":                    {"application/xml", "<a/>", 415},
		"no media type":          {";;", "a=1", 415},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Params(request(t, tc.kind, tc.body))
			if status, _ := StatusOf(err); err == nil || status != tc.want {
				t.Errorf("got %v, want %d", err, tc.want)
			}
		})
	}
}

func TestAPersonMayUploadMoreThanAStranger(t *testing.T) {
	kind, body := multipartBody(t, [][2]string{{"description", "a bee"}}, strings.Repeat("x", 3*MaxBody))
	r := request(t, kind, body)
	r = r.WithContext(WithToken(r.Context(), &storage.Account{ID: 1}, nil, nil))
	v, err := Params(r)
	if err != nil {
		t.Fatal(err)
	}
	defer RemoveFiles(r)
	f, header, err := v.File("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if header.Size != 3*MaxBody || v.Str("description") != "a bee" {
		t.Errorf("%d bytes, %q", header.Size, v.Str("description"))
	}
	var missing *Error
	if _, _, err := v.File("thumbnail"); !errors.As(err, &missing) || missing.Status != 422 {
		t.Errorf("a missing file: %v", err)
	}
}

func FuzzParamsStayWithinTheirLimits(f *testing.F) {
	f.Add("application/json", `{"a":[{"b":1}],"c":{"d":[true,null,"x"]}}`)
	f.Add("application/x-www-form-urlencoded", "a[0][b]=1&a[]=2&a[b][c]=3&=&[=]&a[[]]=1")
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a[0][b]\"\r\n\r\n1\r\n--x--\r\n")
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		v, err := Params(r)
		defer RemoveFiles(r)
		if err != nil {
			var ours *Error
			if !errors.As(err, &ours) || ours.Status < 400 || ours.Status > 499 {
				t.Fatalf("%v isn't an answer", err)
			}
			return
		}
		n := 0
		for key, values := range v.Values {
			n += len(values)
			base, _, _ := strings.Cut(key, "[")
			_ = fmt.Sprint(v.List(base), v.IDs(base), v.Int(base, 0), v.Bool(base, false), v.Float(base, 0), v.Given(base))
			if each := v.Each(base); len(each) > maxParams {
				t.Fatalf("%d objects", len(each))
			}
		}
		if n > maxParams {
			t.Fatalf("%d values", n)
		}
	})
}
