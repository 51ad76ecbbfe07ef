// Checks a CloudFormation template against the properties of resource types that AWS publishes: types of resources, names and types of properties, required
// ones, and that every reference has something to refer to. Prints what is wrong, a line each; exits with 1 if anything is.
//   node check-template.mjs TEMPLATE
import { readFileSync } from 'node:fs';
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';
import yaml from 'js-yaml';

const pseudo = new Set(['AccountId', 'NoValue', 'NotificationARNs', 'Partition', 'Region', 'StackId', 'StackName', 'URLSuffix'].map((name) => `AWS::${name}`));
const sections = new Set(['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Rules', 'Mappings', 'Conditions', 'Transform', 'Resources', 'Outputs']);
const attributes = new Set(['Type', 'Properties', 'DependsOn', 'Condition', 'Metadata', 'CreationPolicy', 'UpdatePolicy', 'DeletionPolicy', 'UpdateReplacePolicy']);
const functions = ['And', 'Base64', 'Cidr', 'Equals', 'FindInMap', 'GetAZs', 'If', 'ImportValue', 'Join', 'Not', 'Or', 'Select', 'Split', 'Sub'];

const short = (name, kind, construct) => new yaml.Type('!' + name, { kind, construct });
const schema = yaml.DEFAULT_SCHEMA.extend([
  short('Ref', 'scalar', (value) => ({ Ref: value })),
  short('Condition', 'scalar', (value) => ({ Condition: value })),
  short('GetAtt', 'scalar', (value) => ({ 'Fn::GetAtt': [value.slice(0, value.indexOf('.')), value.slice(value.indexOf('.') + 1)] })),
  ...functions.flatMap((name) => ['scalar', 'sequence', 'mapping'].map((kind) => short(name, kind, (value) => ({ ['Fn::' + name]: value })))),
]);

const source = readFileSync(process.argv[2], 'utf8');
const template = yaml.load(source, { schema });
const spec = await loadAwsServiceSpec();
const problems = [];
const say = (path, text) => problems.push(`${path}: ${text}`);

// CloudFormation has neither aliases nor merges.
if (/^[^#'"]*[:[,-] +[&*][A-Za-z]/m.test(source)) {
  say('template', 'it has a YAML anchor or alias');
}

const resources = template.Resources ?? {};
const typeOf = (name) => spec.lookup('resource', 'cloudFormationType', 'equals', resources[name]?.Type)[0];
const isReferable = (name) => name in resources || name in (template.Parameters ?? {}) || pseudo.has(name);

function checkAttribute(path, [name, attribute]) {
  const type = name in resources && typeOf(name);
  if (!type) {
    say(path, `there is no resource ${name}`);
  } else if (!(attribute in type.attributes) && !(attribute in type.properties)) {
    say(path, `${resources[name].Type} has no attribute ${attribute}`);
  }
}

/** Whether it is a function or reference; what it refers to is checked. */
function isComputed(path, value, check) {
  const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
  if (keys.length !== 1 || !(keys[0] === 'Ref' || keys[0].startsWith('Fn::'))) {
    return false;
  }

  const [key] = keys;
  const argument = value[key];
  if (key === 'Ref') {
    isReferable(argument) || say(path, `there is nothing called ${argument}`);
  } else if (key === 'Fn::GetAtt') {
    checkAttribute(path, argument);
  } else if (key === 'Fn::If') {
    argument[0] in (template.Conditions ?? {}) || say(path, `there is no condition ${argument[0]}`);
    argument.slice(1).forEach((branch) => check(path, branch));
  } else if (key === 'Fn::Sub') {
    const [text, own] = Array.isArray(argument) ? argument : [argument, {}];
    for (const [, name] of text.matchAll(/\$\{([^!}]+)\}/g)) {
      if (!(name in own)) {
        name.includes('.') ? checkAttribute(path, [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)]) : isReferable(name) || say(path, `there is nothing called ${name}`);
      }
    }

    Object.values(own).forEach((part) => checkAny(path, part));
  } else {
    checkAny(path, argument);
  }

  return true;
}

/** References inside something whose type does not matter. */
function checkAny(path, value) {
  if (!isComputed(path, value, checkAny) && value && typeof value === 'object') {
    Object.entries(value).forEach(([key, part]) => checkAny(`${path}.${key}`, part));
  }
}

function checkObject(path, properties, value) {
  for (const [name, property] of Object.entries(properties)) {
    if (property.required && !(name in value)) {
      say(path, `${name} is missing`);
    }
  }

  for (const [name, part] of Object.entries(value)) {
    if (name in properties) {
      checkType(`${path}.${name}`, properties[name].type, part);
    } else {
      say(path, `there is no property ${name}`);
    }
  }
}

function checkType(path, type, value) {
  if (isComputed(path, value, (at, branch) => checkType(at, type, branch))) {
    return;
  }

  const isMap = value !== null && typeof value === 'object' && !Array.isArray(value);
  const wrong = (wanted) => say(path, `it must be ${wanted}`);
  switch (type.type) {
    case 'string': case 'date-time': typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || wrong('text'); break;
    case 'number': case 'integer': value !== '' && typeof value !== 'object' && Number.isFinite(Number(value)) || wrong('a number'); break;
    case 'boolean': typeof value === 'boolean' || value === 'true' || value === 'false' || wrong('true or false'); break;
    case 'array': Array.isArray(value) ? value.forEach((part, at) => checkType(`${path}[${at}]`, type.element, part)) : wrong('a list'); break;
    case 'map': isMap ? Object.entries(value).forEach(([key, part]) => checkType(`${path}.${key}`, type.element, part)) : wrong('a map'); break;
    case 'ref': isMap ? checkObject(path, spec.get('typeDefinition', type.reference.$ref).properties, value) : wrong('an object'); break;
    case 'union': {
      // Whichever fits; else what went wrong in the one that went farthest.
      const before = problems.length;
      let best = [''];
      for (const one of type.types) {
        checkType(path, one, value);
        const found = problems.splice(before);
        if (found.length === 0) {
          return;
        }

        const depth = (lines) => Math.max(...lines.map((line) => line.indexOf(': ')));
        best = depth(found) > depth(best) ? found : best;
      }

      problems.push(...best);
      break;
    }
    default: checkAny(path, value);
  }
}

Object.keys(template).filter((name) => !sections.has(name)).forEach((name) => say('template', `there is no section ${name}`));
for (const [name, resource] of Object.entries(resources)) {
  Object.keys(resource).filter((key) => !attributes.has(key)).forEach((key) => say(name, `there is no ${key} of a resource`));
  [resource.DependsOn ?? []].flat().filter((other) => !(other in resources)).forEach((other) => say(name, `it depends on ${other}, which there is not`));
  if (resource.Condition && !(resource.Condition in (template.Conditions ?? {}))) {
    say(name, `there is no condition ${resource.Condition}`);
  }

  const type = typeOf(name);
  type ? checkObject(name, type.properties, resource.Properties ?? {}) : say(name, `there is no type ${resource.Type}`);
}

checkAny('Conditions', template.Conditions ?? {});
checkAny('Outputs', template.Outputs ?? {});
problems.forEach((problem) => console.log(problem));
console.log(problems.length === 0 ? `${Object.keys(resources).length} resources, nothing wrong` : `${problems.length} wrong`);
process.exit(problems.length === 0 ? 0 : 1);
