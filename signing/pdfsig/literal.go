package pdfsig

// literal reads a string in parentheses (ISO 32000-1, 7.3.4.2).
func (p *parser) literal() object {
	value := &text{start: p.offset()}
	p.at++
	for depth := 1; ; {
		b, ok := p.next()
		if !ok || len(value.value) > maxStringBytes {
			return p.fail("a string is too long or has no end")
		}
		switch b {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				value.end = p.offset()
				return value
			}
		case '\\':
			value.value = p.escape(value.value)
			continue
		case '\r': // any line end in a string is one line feed
			p.passLineFeed()
			b = '\n'
		}
		value.value = append(value.value, b)
	}
}

func (p *parser) passLineFeed() {
	if b, ok := p.peek(); ok && b == '\n' {
		p.at++
	}
}

// escape reads what follows a backslash and appends what it stands for.
func (p *parser) escape(value []byte) []byte {
	b, _ := p.next()
	switch b {
	case 'n':
		return append(value, '\n')
	case 'r':
		return append(value, '\r')
	case 't':
		return append(value, '\t')
	case 'b':
		return append(value, '\b')
	case 'f':
		return append(value, '\f')
	case '\n':
		return value
	case '\r':
		p.passLineFeed()
		return value
	}
	if b < '0' || b > '7' {
		return append(value, b)
	}
	octal := int(b - '0')
	for range 2 {
		digit, ok := p.peek()
		if !ok || digit < '0' || digit > '7' {
			break
		}
		octal = octal<<3 | int(digit-'0')
		p.at++
	}
	return append(value, byte(octal))
}
