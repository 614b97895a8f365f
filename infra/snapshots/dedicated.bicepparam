// What a deployment on a Dedicated plan creates is beside this file.
using '../main.bicep'

param location = 'westeurope'
param organizationUrl = 'https://dev.azure.com/contoso'
param projects = 'Website'
// Else what is predicted would change with the month.
param budgetStart = '2026-01-01'
param hostingPlan = 'dedicated'
